import type { KernelSource, Program, Step, WasmKernel } from '../../codegen/program.ts'
import { checkProgram } from '../check-program.ts'
import type { Executable } from '../device.ts'
import { encode, tensorBytes } from '../layout.ts'
import { sizeText, tensorText } from '../size-text.ts'
import { COPY_KERNEL } from './copy-kernel.ts'
import { flattenProgram } from './flat-steps.ts'
import type { WasmContext } from './wasm-context.ts'
import { type PooledProgram, WasmExecutable } from './wasm-executable.ts'
import type { WasmAllocation } from './wasm-memory.ts'

const isWasm = (kernel: KernelSource): kernel is WasmKernel => kernel.target === 'wasm'

/** Turns programs into executables, and takes back the memory of executables that nobody holds any more. */
export class WasmLoader {
  readonly #context: WasmContext
  readonly #forgotten: FinalizationRegistry<PooledProgram>
  #next = 0

  constructor(context: WasmContext) {
    this.#context = context
    this.#forgotten = new FinalizationRegistry((pooled) => release(context, pooled))
  }

  async load(given: Program): Promise<Executable> {
    const { health, kernels: cache, limits, scratch, pool } = this.#context
    checkProgram(given, limits)
    const program: Program<WasmKernel> = { ...given, target: 'wasm', kernels: given.kernels.filter(isWasm) }
    const compiling = [...program.kernels, COPY_KERNEL].map((kernel) => cache.get(kernel))
    const kernels = await health.guard(Promise.all(compiling))
    health.assertAlive()
    scratch.reserve(scratchBytes(program.steps))
    const pooled = this.#place(
      program,
      kernels.map((kernel) => kernel.id),
    )
    pool.add({ id: pooled.id, steps: pooled.flat.steps, small: pooled.flat.small }, kernels)
    const token = {}
    const executable = new WasmExecutable(this.#context, pooled, () => {
      this.#forgotten.unregister(token)
      release(this.#context, pooled)
    })
    this.#forgotten.register(executable, pooled, token)
    return executable
  }

  /** Gives the program's constants and arguments their memory. The last of the kernels is the one that copies. */
  #place(program: Program<WasmKernel>, kernels: readonly number[]): PooledProgram {
    const { memory, workers } = this.#context
    const { bytes, at } = flattenProgram(program, kernels, kernels[kernels.length - 1]!, workers)
    const allocations: WasmAllocation[] = []
    const write = (size: number, contents: Uint8Array<ArrayBuffer>, what: () => string): WasmAllocation => {
      const allocation = memory.allocate(size, what)
      allocations.push(allocation)
      this.#write(allocation, () => contents)
      return allocation
    }
    try {
      const constants = program.constants.map((array, i) => {
        const what = () => `constant ${i} of ${program.name} (${tensorText(array.dtype, array.shape)})`
        return write(tensorBytes(array.dtype, array.shape), encode(array, 'a constant'), what)
      })
      const args = memory.allocate(bytes, () => `${sizeText(bytes)} of arguments of ${program.name}`)
      allocations.push(args)
      const flat = at(args.address)
      this.#write(args, () => new Uint8Array(flat.words.buffer))
      return { id: this.#next++, program, flat, constants, args }
    } catch (cause) {
      for (const allocation of allocations) memory.release(allocation)
      throw cause
    }
  }

  /** At its turn: earlier calls may still use the memory. */
  #write(to: WasmAllocation, contents: () => Uint8Array): void {
    const { queue, linear } = this.#context
    queue.push(() => linear.bytes.set(contents(), to.address))
  }
}

const scratchBytes = (steps: readonly Step[]): number =>
  steps.reduce((most, step) => {
    if (step.kind === 'copy') return most
    return Math.max(most, step.kind === 'loop' ? scratchBytes(step.steps) : step.scratchBytes)
  }, 0)

function release({ memory, pool, queue }: WasmContext, pooled: PooledProgram): void {
  for (const allocation of [...pooled.constants, pooled.args]) memory.release(allocation)
  // Calls that were asked for before must still find it.
  queue.push(() => pool.forget(pooled.id))
}
