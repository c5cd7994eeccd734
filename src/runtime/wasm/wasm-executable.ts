import type { Program, WasmKernel } from '../../codegen/program.ts'
import { DeviceError } from '../../util/errors.ts'
import { type CallBuffers, CallPlanner } from '../call-buffers.ts'
import { acceptInputs } from '../call-inputs.ts'
import type { DeviceBuffer, Executable, KernelTime } from '../device.ts'
import type { DeviceTensor } from '../device-tensor.ts'
import { arenaText } from '../size-text.ts'
import type { FlatProgram } from './flat-steps.ts'
import type { KernelFailure, StepTimes } from './pool.ts'
import { kernelTimes, labelOf } from './step-times.ts'
import type { WasmContext } from './wasm-context.ts'
import type { WasmAllocation } from './wasm-memory.ts'

/** A program in the pool, and what it holds there. */
export interface PooledProgram {
  readonly id: number
  readonly program: Program<WasmKernel>
  readonly flat: FlatProgram
  readonly constants: readonly WasmAllocation[]
  /** Where its argument blocks lie. */
  readonly args: WasmAllocation
}

type Tensor = DeviceTensor<WasmAllocation>

export class WasmExecutable implements Executable {
  readonly #context: WasmContext
  readonly #pooled: PooledProgram
  readonly #planner: CallPlanner<WasmAllocation>
  readonly #onDispose: () => void
  #disposed = false

  constructor(context: WasmContext, pooled: PooledProgram, onDispose: () => void) {
    this.#context = context
    this.#pooled = pooled
    this.#planner = new CallPlanner(pooled.program, context.memory, context.tensors)
    this.#onDispose = onDispose
  }

  run(inputs: readonly DeviceBuffer[]): DeviceBuffer[] {
    return this.#call(inputs, null)
  }

  async profile(inputs: readonly DeviceBuffer[]): Promise<{ outputs: DeviceBuffer[]; times: KernelTime[] }> {
    const { health, queue, workers } = this.#context
    const { program, flat } = this.#pooled
    const bytes = 3 * Float64Array.BYTES_PER_ELEMENT * flat.runs
    // A page without workers may not even know shared arrays.
    const times = new Float64Array(workers > 0 ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
    const outputs = this.#call(inputs, times)
    await health.guard(queue.result(() => {}))
    return { outputs, times: kernelTimes(program, flat, times) }
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#onDispose()
  }

  #call(given: readonly DeviceBuffer[], times: StepTimes | null): DeviceBuffer[] {
    const { health, memory, pool, queue, scratch, tensors } = this.#context
    const { program, id } = this.#pooled
    health.assertAlive()
    if (this.#disposed) throw new DeviceError(`program ${program.name} was disposed of`, { hint: 'load it again' })
    const inputs = acceptInputs(program, given, tensors)
    const call = this.#planner.plan(inputs)
    const arenas = this.#arenas(call)
    const addresses = this.#addresses(call, arenas)
    const job = { program: id, ...scratch.place }
    queue.push(async () => {
      const failed = inputs.find((tensor) => tensor.failure)?.failure
      if (failed) {
        for (const output of call.outputs) output.fail(failed)
        return
      }
      this.#prepare(call, addresses)
      const failure = await pool.play(job, times)
      if (failure) this.#fail(call.outputs, failure)
    })
    // What comes next into this memory comes behind the call.
    for (const arena of arenas) memory.release(arena)
    this.#planner.submitted(call, inputs)
    return [...call.outputs]
  }

  /** Temporaries belong to a call only while it runs: all programs share their memory. */
  #arenas(call: CallBuffers<WasmAllocation>): WasmAllocation[] {
    const { memory } = this.#context
    const { arenas, name } = this.#pooled.program
    const made: WasmAllocation[] = []
    try {
      for (const { bytes, largest } of arenas) made.push(memory.allocate(bytes, () => arenaText(name, largest)))
    } catch (cause) {
      for (const arena of made) memory.release(arena)
      this.#planner.abandon(call)
      throw cause
    }
    return made
  }

  /** In the order that `bufferPosition` gives. */
  #addresses(call: CallBuffers<WasmAllocation>, arenas: readonly WasmAllocation[]): Uint32Array {
    const outputs = call.outputs.map((tensor) => tensor.use())
    const all = [...call.inputs, ...outputs, ...arenas, ...this.#pooled.constants]
    return Uint32Array.from(all, (allocation) => allocation.address)
  }

  /** At the call's turn, when nobody reads the argument blocks. */
  #prepare(call: CallBuffers<WasmAllocation>, addresses: Uint32Array): void {
    const { linear } = this.#context
    for (const { from, to, bytes } of call.copies) {
      linear.bytes.copyWithin(to.address, from.address, from.address + bytes)
    }
    const { words } = linear
    const base = this.#pooled.args.address / 4
    const places = this.#pooled.flat.addresses
    for (let i = 0; i < places.length; i += 3) {
      words[base + places[i]!] = addresses[places[i + 1]!]! + places[i + 2]!
    }
  }

  #fail(outputs: readonly Tensor[], { at, message }: KernelFailure): void {
    const { program, flat } = this.#pooled
    const error = new DeviceError(`program ${program.name} failed at ${labelOf(program, flat, at)}: ${message}`, {
      hint: 'this is a bug in code generation (or in a hand-written kernel), please report it with the program',
    })
    for (const output of outputs) output.fail(error)
    this.#context.health.report(error)
  }
}
