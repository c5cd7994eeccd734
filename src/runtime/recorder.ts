import type { DispatchStep } from '../codegen/program.ts'

/** A buffer from some byte on. */
export interface GpuRange {
  readonly buffer: GPUBuffer
  readonly offset: number
}

/** Takes a program's steps in order and submits them. */
export interface Recorder {
  dispatch(step: DispatchStep, pipeline: GPUComputePipeline, bindGroup: GPUBindGroup): void
  copy(from: GpuRange, to: GpuRange, bytes: number): void
  submit(): void
}

/**
 * A call is one submit, but not without end: a loop of many rounds goes in parts, so that neither the command buffer's
 * memory grows with it nor a driver's watchdog takes it for a hang.
 */
const DISPATCHES_PER_SUBMIT = 4096

/** Consecutive dispatches share a pass; WebGPU itself orders those that touch the same memory. */
export class PlainRecorder implements Recorder {
  readonly #gpu: GPUDevice
  readonly #label: string
  #encoder: GPUCommandEncoder | null = null
  #pass: GPUComputePassEncoder | null = null
  #pipeline: GPUComputePipeline | null = null
  #dispatches = 0

  constructor(gpu: GPUDevice, label: string) {
    this.#gpu = gpu
    this.#label = label
  }

  dispatch(step: DispatchStep, pipeline: GPUComputePipeline, bindGroup: GPUBindGroup): void {
    if (this.#dispatches === DISPATCHES_PER_SUBMIT) this.submit()
    this.#dispatches++
    this.#pass ??= this.#open().beginComputePass()
    if (this.#pipeline !== pipeline) {
      this.#pass.setPipeline(pipeline)
      this.#pipeline = pipeline
    }
    this.#pass.setBindGroup(0, bindGroup)
    this.#pass.dispatchWorkgroups(step.workgroups[0], step.workgroups[1], step.workgroups[2])
  }

  copy(from: GpuRange, to: GpuRange, bytes: number): void {
    this.#endPass()
    this.#open().copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes)
  }

  submit(): void {
    this.#endPass()
    if (this.#encoder) this.#gpu.queue.submit([this.#encoder.finish()])
    this.#encoder = null
    this.#dispatches = 0
  }

  #open(): GPUCommandEncoder {
    this.#encoder ??= this.#gpu.createCommandEncoder({ label: this.#label })
    return this.#encoder
  }

  #endPass(): void {
    this.#pass?.end()
    this.#pass = null
    this.#pipeline = null
  }
}
