import type { Program } from '../codegen/program.ts'
import { DeviceError, UnsupportedError } from '../util/errors.ts'
import { CallPlanner } from './call-buffers.ts'
import { acceptInputs } from './call-inputs.ts'
import type { GpuContext } from './context.ts'
import type { DeviceBuffer, Executable, KernelTime } from './device.ts'
import type { DeviceTensor } from './device-tensor.ts'
import type { GpuAllocation } from './gpu-memory.ts'
import { PlainRecorder, type Recorder } from './recorder.ts'
import type { PreparedSteps } from './steps.ts'
import { TimedRecorder } from './timed-recorder.ts'

/** What an executable holds until it is disposed of or forgotten. Kept apart, so that a finaliser can release it. */
export interface Holdings {
  readonly allocations: readonly GpuAllocation[]
  readonly params: GPUBuffer | null
}

export class GpuExecutable implements Executable {
  readonly #context: GpuContext
  readonly #program: Program
  readonly #steps: PreparedSteps
  readonly #planner: CallPlanner<GpuAllocation>
  readonly #onDispose: () => void
  #disposed = false

  constructor(context: GpuContext, program: Program, steps: PreparedSteps, onDispose: () => void) {
    this.#context = context
    this.#program = program
    this.#steps = steps
    this.#planner = new CallPlanner(program, context.memory, context.tensors)
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

  #call(given: readonly DeviceBuffer[], recorder: Recorder): DeviceBuffer[] {
    const { health, gpu } = this.#context
    health.assertAlive()
    if (this.#disposed) {
      throw new DeviceError(`program ${this.#program.name} was disposed of`, { hint: 'load it again' })
    }
    const program = this.#program
    const inputs = acceptInputs(program, given, this.#context.tensors)
    gpu.pushErrorScope('validation')
    let outputs: readonly DeviceTensor<GpuAllocation>[] = []
    try {
      const call = this.#planner.plan(inputs)
      outputs = call.outputs
      for (const { from, to, bytes } of call.copies) {
        recorder.copy({ buffer: from.buffer, offset: 0 }, { buffer: to.buffer, offset: 0 }, bytes)
      }
      this.#steps.record({ inputs: call.inputs, outputs: outputs.map((t) => t.use()) }, recorder)
      recorder.submit()
      this.#planner.submitted(call, inputs)
    } finally {
      const scope = gpu.popErrorScope()
      const toError = (error: GPUError) => new DeviceError(`program ${program.name} failed: ${error.message}`)
      // Scopes answer in order, so by then it is known whether the inputs were right.
      void health.check(scope, toError).then((error) => {
        const failure = inputs.find((t) => t.failure)?.failure ?? error
        if (failure) for (const output of outputs) output.fail(failure)
      })
    }
    return [...outputs]
  }
}
