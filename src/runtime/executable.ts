import type { Program } from '../codegen/program.ts'
import { DeviceError, UnsupportedError } from '../util/errors.ts'
import { acceptInputs } from './call-inputs.ts'
import { writtenInputs } from './check-program.ts'
import type { GpuContext } from './context.ts'
import type { DeviceBuffer, Executable, KernelTime } from './device.ts'
import type { Allocation } from './gpu-memory.ts'
import type { GpuTensor } from './gpu-tensor.ts'
import { tensorBytes } from './layout.ts'
import { PlainRecorder, type Recorder } from './recorder.ts'
import { tensorText } from './size-text.ts'
import type { PreparedSteps } from './steps.ts'
import { TimedRecorder } from './timed-recorder.ts'

/** What an executable holds until it is disposed of or forgotten. Kept apart, so that a finaliser can release it. */
export interface Holdings {
  readonly allocations: readonly Allocation[]
  readonly params: GPUBuffer | null
}

export class GpuExecutable implements Executable {
  readonly #context: GpuContext
  readonly #program: Program
  readonly #steps: PreparedSteps
  readonly #written: ReadonlySet<number>
  readonly #onDispose: () => void
  #disposed = false

  constructor(context: GpuContext, program: Program, steps: PreparedSteps, onDispose: () => void) {
    this.#context = context
    this.#program = program
    this.#steps = steps
    this.#written = writtenInputs(program)
    this.#onDispose = onDispose
  }

  run(inputs: readonly DeviceBuffer[]): DeviceBuffer[] {
    return this.#call(inputs, new PlainRecorder(this.#context.gpu, this.#program.name))
  }

  async profile(inputs: readonly DeviceBuffer[]): Promise<{ outputs: DeviceBuffer[]; times: KernelTime[] }> {
    const { gpu, health, name, readback } = this.#context
    health.assertAlive()
    if (!gpu.features.has('timestamp-query')) {
      throw new UnsupportedError(`${name} has no timestamps (timestamp-query), so kernels cannot be timed`, {
        hint: 'time whole calls instead: run, then await device.finish()',
      })
    }
    const kernels = this.#program.kernels
    const recorder = new TimedRecorder(gpu, readback, this.#program.name, (step) => kernels[step.kernel]?.name ?? '?')
    const outputs = this.#call(inputs, recorder)
    return { outputs, times: await recorder.times() }
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#onDispose()
  }

  #call(given: readonly DeviceBuffer[], recorder: Recorder): GpuTensor[] {
    const { health, gpu } = this.#context
    health.assertAlive()
    if (this.#disposed) {
      throw new DeviceError(`program ${this.#program.name} was disposed of`, { hint: 'load it again' })
    }
    const program = this.#program
    const inputs = acceptInputs(program, given, this.#context)
    gpu.pushErrorScope('validation')
    const copies: Allocation[] = []
    let outputs: GpuTensor[]
    try {
      const buffers = inputs.map((tensor, i) => this.#ownedInput(tensor, i, recorder, copies))
      outputs = this.#outputs(buffers)
      this.#steps.record({ inputs: buffers, outputs: outputs.map((t) => t.use()) }, recorder)
      recorder.submit()
    } finally {
      const scope = gpu.popErrorScope()
      const toError = (error: GPUError) => new DeviceError(`program ${program.name} failed: ${error.message}`)
      // Scopes answer in order, so by then it is known whether the inputs were right.
      void health.check(scope, toError).then((error) => {
        const failure = inputs.find((t) => t.failure)?.failure ?? error
        if (failure) for (const output of outputs ?? []) output.fail(failure)
      })
      for (const copy of copies) this.#context.memory.release(copy)
    }
    program.inputs.forEach((input, i) => {
      if (input.donated) inputs[i]?.giveUp(`donated to a call of ${program.name}`)
    })
    return outputs
  }

  /**
   * The input's buffer, or a copy where the program writes over a buffer that another tensor shares (after a call
   * that handed an input through): only the tensor was given up, not what others hold.
   */
  #ownedInput(tensor: GpuTensor, index: number, recorder: Recorder, copies: Allocation[]): Allocation {
    const allocation = tensor.use()
    if (!this.#written.has(index) || allocation.refs === 1) return allocation
    const bytes = tensorBytes(tensor.dtype, tensor.shape)
    const copy = this.#context.memory.allocate(bytes, () => `a copy of ${this.#program.inputs[index]?.name}`)
    copies.push(copy)
    recorder.copy(allocation.buffer, copy.buffer, bytes)
    return copy
  }

  #outputs(inputs: readonly Allocation[]): GpuTensor[] {
    const { memory, tensors } = this.#context
    const { name: program } = this.#program
    const made: GpuTensor[] = []
    try {
      for (const { aliasOf, dtype, shape, name } of this.#program.outputs) {
        const what = () => `output ${name} of ${program} (${tensorText(dtype, shape)})`
        const allocation =
          aliasOf === null ? memory.allocate(tensorBytes(dtype, shape), what) : memory.retain(inputs[aliasOf]!)
        made.push(tensors.wrap(allocation, dtype, shape, `output ${name} of ${program}`))
      }
    } catch (cause) {
      for (const tensor of made) tensor.dispose()
      throw cause
    }
    return made
  }
}
