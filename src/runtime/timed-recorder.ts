import type { DispatchStep } from '../codegen/program.ts'
import type { KernelTime } from './device.ts'
import { BUFFER_USAGE } from './gpu-constants.ts'
import type { Readback } from './readback.ts'
import type { GpuRange, Recorder } from './recorder.ts'

/** WebGPU's bound on a query set is 4096 timestamps; a dispatch takes two. */
const DISPATCHES_PER_SET = 2048

/**
 * Gives every dispatch a pass of its own between two timestamps. Slower than a plain run (passes cannot overlap), so
 * the times add up to more than a call takes.
 */
export class TimedRecorder implements Recorder {
  readonly #gpu: GPUDevice
  readonly #readback: Readback
  readonly #label: string
  readonly #kernelName: (step: DispatchStep) => string
  readonly #sets: GPUQuerySet[] = []
  readonly #steps: DispatchStep[] = []
  #encoder: GPUCommandEncoder

  constructor(gpu: GPUDevice, readback: Readback, label: string, kernelName: (step: DispatchStep) => string) {
    this.#gpu = gpu
    this.#readback = readback
    this.#label = label
    this.#kernelName = kernelName
    this.#encoder = gpu.createCommandEncoder({ label })
  }

  dispatch(step: DispatchStep, pipeline: GPUComputePipeline, bindGroup: GPUBindGroup): void {
    const index = this.#steps.length % DISPATCHES_PER_SET
    if (index === 0 && this.#steps.length > 0) this.submit()
    if (index === 0) this.#sets.push(this.#gpu.createQuerySet({ type: 'timestamp', count: 2 * DISPATCHES_PER_SET }))
    const querySet = this.#sets[this.#sets.length - 1]!
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * index, endOfPassWriteIndex: 2 * index + 1 }
    const pass = this.#encoder.beginComputePass({ label: step.label, timestampWrites })
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, bindGroup)
    pass.dispatchWorkgroups(step.workgroups[0], step.workgroups[1], step.workgroups[2])
    pass.end()
    this.#steps.push(step)
  }

  copy(from: GpuRange, to: GpuRange, bytes: number): void {
    this.#encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes)
  }

  submit(): void {
    this.#gpu.queue.submit([this.#encoder.finish()])
    this.#encoder = this.#gpu.createCommandEncoder({ label: this.#label })
  }

  /** Waits for the submitted work and returns a time for every dispatch, in order. */
  async times(): Promise<KernelTime[]> {
    const stamps: bigint[] = []
    for (const [i, set] of this.#sets.entries()) {
      const dispatches = Math.min(DISPATCHES_PER_SET, this.#steps.length - i * DISPATCHES_PER_SET)
      for (const stamp of await this.#resolve(set, 2 * dispatches)) stamps.push(stamp)
    }
    for (const set of this.#sets) set.destroy()
    const first = stamps[0] ?? 0n
    return this.#steps.map((step, i) => {
      const begin = stamps[2 * i] ?? first
      const end = stamps[2 * i + 1] ?? begin
      return {
        label: step.label,
        kernel: this.#kernelName(step),
        start: Number(begin - first),
        // Some drivers' counters step back a little between passes.
        nanoseconds: Math.max(0, Number(end - begin)),
        flops: step.flops,
        bytes: step.bytes,
      }
    })
  }

  async #resolve(set: GPUQuerySet, count: number): Promise<BigUint64Array> {
    const usage = BUFFER_USAGE.queryResolve | BUFFER_USAGE.copySrc
    const resolved = this.#gpu.createBuffer({ label: 'timestamps', size: count * 8, usage })
    const encoder = this.#gpu.createCommandEncoder({ label: 'timestamps' })
    encoder.resolveQuerySet(set, 0, count, resolved, 0)
    this.#gpu.queue.submit([encoder.finish()])
    try {
      return await this.#readback.readBuffer(resolved, count * 8, (contents) => {
        return new BigUint64Array(contents.slice().buffer)
      })
    } finally {
      resolved.destroy()
    }
  }
}
