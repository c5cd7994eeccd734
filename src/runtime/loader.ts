import type { KernelSource, Program, WgslKernel } from '../codegen/program.ts'
import type { HostArray } from '../ir/dtype.ts'
import { DeviceError } from '../util/errors.ts'
import { checkProgram } from './check-program.ts'
import type { GpuContext } from './context.ts'
import type { Executable } from './device.ts'
import { GpuExecutable, type Holdings } from './executable.ts'
import { BUFFER_USAGE } from './gpu-constants.ts'
import type { GpuAllocation, GpuMemory } from './gpu-memory.ts'
import { tensorBytes } from './layout.ts'
import { type PackedParams, packParams } from './params.ts'
import { arenaText, sizeText, tensorText } from './size-text.ts'
import { PreparedSteps } from './steps.ts'

/** Turns programs into executables, and takes back the memory of executables that nobody holds any more. */
export class Loader {
  readonly #context: GpuContext
  readonly #forgotten: FinalizationRegistry<Holdings>

  constructor(context: GpuContext) {
    this.#context = context
    const memory = context.memory
    this.#forgotten = new FinalizationRegistry((holdings) => release(memory, holdings))
  }

  async load(program: Program, write: (to: GpuAllocation, array: HostArray) => void): Promise<Executable> {
    const { gpu, health, limits, memory, pipelines } = this.#context
    checkProgram(program, limits)
    const kernels = await Promise.all(program.kernels.filter(isWgsl).map((kernel) => pipelines.get(kernel)))
    health.assertAlive()
    const arenas = program.arenas.map(({ bytes, largest }) =>
      memory.allocate(bytes, () => arenaText(program.name, largest)),
    )
    const constants = program.constants.map((array, i) => {
      const what = () => `constant ${i} of ${program.name} (${tensorText(array.dtype, array.shape)})`
      const allocation = memory.allocate(tensorBytes(array.dtype, array.shape), what)
      write(allocation, array)
      return allocation
    })
    const packed = packParams(program.steps, gpu.limits.minUniformBufferOffsetAlignment)
    const params = this.#uploadParams(program, packed)
    const holdings: Holdings = { allocations: [...arenas, ...constants], params }
    await health.settled()
    const failure = holdings.allocations.find((a) => a.failure)?.failure
    if (failure) {
      release(memory, holdings)
      throw failure
    }
    const steps = new PreparedSteps(gpu, program, kernels, { arenas, constants, params }, packed)
    const token = {}
    const executable = new GpuExecutable(this.#context, program, steps, () => {
      this.#forgotten.unregister(token)
      release(memory, holdings)
    })
    this.#forgotten.register(executable, holdings, token)
    return executable
  }

  #uploadParams(program: Program, { words }: PackedParams): GPUBuffer | null {
    if (words.length === 0) return null
    const { gpu, health } = this.#context
    const usage = BUFFER_USAGE.uniform | BUFFER_USAGE.copyDst
    gpu.pushErrorScope('out-of-memory')
    gpu.pushErrorScope('validation')
    const params = gpu.createBuffer({ label: `params of ${program.name}`, size: words.byteLength, usage })
    gpu.queue.writeBuffer(params, 0, words)
    gpu.popErrorScope().catch(() => {})
    const tooMuch = () => new DeviceError(`out of GPU memory: no ${sizeText(words.byteLength)} for params`)
    void health.check(gpu.popErrorScope(), tooMuch)
    return params
  }
}

const isWgsl = (kernel: KernelSource): kernel is WgslKernel => kernel.target === 'wgsl'

function release(memory: GpuMemory, holdings: Holdings): void {
  for (const allocation of holdings.allocations) memory.release(allocation)
  holdings.params?.destroy()
}
