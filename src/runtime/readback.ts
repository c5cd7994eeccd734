import { DeviceError } from '../util/errors.ts'
import type { TensorReader } from './allocation.ts'
import { BUFFER_USAGE, MAP_READ } from './gpu-constants.ts'
import type { GpuAllocation } from './gpu-memory.ts'
import type { Health } from './health.ts'
import { sizeText } from './size-text.ts'

const POOL_BYTES = 64 * 1024 * 1024
const SMALLEST = 256

/** Copies device memory to the host through mappable buffers, which are kept for the next time. */
export class Readback implements TensorReader<GpuAllocation> {
  readonly #gpu: GPUDevice
  readonly #health: Health
  readonly #free = new Map<number, GPUBuffer[]>()
  #pooledBytes = 0

  constructor(gpu: GPUDevice, health: Health) {
    this.#gpu = gpu
    this.#health = health
  }

  read<T>(allocation: GpuAllocation, bytes: number, take: (contents: Uint8Array) => T): Promise<T> {
    return this.readBuffer(allocation.buffer, bytes, take)
  }

  /**
   * The first `bytes` of a buffer, as they are after everything submitted before this call. `take` must copy what it
   * needs: the memory it is given is gone after it returns.
   * @throws DeviceError (as a rejection) if the device was lost or has no memory for the copy.
   */
  async readBuffer<T>(source: GPUBuffer, bytes: number, take: (contents: Uint8Array) => T): Promise<T> {
    const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)))
    const staging = this.#take(Math.min(size, this.#gpu.limits.maxBufferSize))
    try {
      await this.#health.guard(this.#copy(source, staging, bytes))
      const result = take(new Uint8Array(staging.getMappedRange(0, bytes)))
      staging.unmap()
      this.#give(staging)
      return result
    } catch (cause) {
      staging.destroy()
      if (cause instanceof DeviceError) throw cause
      throw new DeviceError(`reading ${sizeText(bytes)} back from the GPU failed: ${String(cause)}`, {
        hint: 'if memory is short, dispose() tensors that are no longer needed, or read smaller ones',
      })
    }
  }

  /** The GPU device is going away with all its buffers. */
  close(): void {
    this.#free.clear()
    this.#pooledBytes = 0
  }

  /** In an error scope, because a failure is thrown as a rejection and need not be printed as well. */
  #copy(source: GPUBuffer, staging: GPUBuffer, bytes: number): Promise<void> {
    this.#gpu.pushErrorScope('validation')
    const encoder = this.#gpu.createCommandEncoder({ label: 'read' })
    encoder.copyBufferToBuffer(source, 0, staging, 0, bytes)
    this.#gpu.queue.submit([encoder.finish()])
    const mapped = staging.mapAsync(MAP_READ, 0, bytes)
    this.#gpu.popErrorScope().catch(() => {})
    return mapped
  }

  #take(size: number): GPUBuffer {
    const free = this.#free.get(size)?.pop()
    if (free) {
      this.#pooledBytes -= size
      return free
    }
    this.#gpu.pushErrorScope('out-of-memory')
    const usage = BUFFER_USAGE.mapRead | BUFFER_USAGE.copyDst
    const staging = this.#gpu.createBuffer({ label: 'read', size, usage })
    this.#gpu.popErrorScope().catch(() => {})
    return staging
  }

  #give(staging: GPUBuffer): void {
    if (this.#health.failure || this.#pooledBytes + staging.size > POOL_BYTES) {
      staging.destroy()
      return
    }
    this.#pooledBytes += staging.size
    const same = this.#free.get(staging.size)
    if (same) same.push(staging)
    else this.#free.set(staging.size, [staging])
  }
}
