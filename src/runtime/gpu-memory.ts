import type { DeviceLimits } from '../codegen/program.ts'
import { DeviceError } from '../util/errors.ts'
import { type Allocation, assertFits, type TensorMemory } from './allocation.ts'
import { CollectWhenFull } from './collect-when-full.ts'
import type { Collector } from './collector.ts'
import type { DeviceMemory } from './device.ts'
import { BUFFER_USAGE } from './gpu-constants.ts'
import type { Health } from './health.ts'
import { sizeText } from './size-text.ts'

/** One GPU buffer. */
export interface GpuAllocation extends Allocation {
  /** Stays the same when the buffer is reused, so that bind groups made for it can be too. */
  readonly id: number
  readonly buffer: GPUBuffer
  readonly size: number
}

/** Sizes are rounded up to this, so that reuse is frequent and a vec4 binding always fits. */
const GRAIN = 256
const POOL_BYTES = 256 * 1024 * 1024
const USAGE = BUFFER_USAGE.storage | BUFFER_USAGE.copySrc | BUFFER_USAGE.copyDst

/**
 * The device's tensor buffers: counted references, and a pool from which the next call takes what an earlier one gave
 * back. Reuse needs no waiting: everything on a queue happens in the order it was submitted.
 */
export class GpuMemory implements TensorMemory<GpuAllocation> {
  readonly #gpu: GPUDevice
  readonly #health: Health
  readonly #limits: DeviceLimits
  readonly #collect: CollectWhenFull
  readonly #free = new Map<number, GpuAllocation[]>()
  /** The pool in the order of arrival, for throwing out the oldest. */
  readonly #pooled = new Set<GpuAllocation>()
  #nextId = 0
  #pooledBytes = 0
  #liveBytes = 0
  #liveCount = 0
  #peakBytes = 0
  #closed = false

  constructor(gpu: GPUDevice, health: Health, limits: DeviceLimits, collect: Collector) {
    this.#gpu = gpu
    this.#health = health
    this.#limits = limits
    this.#collect = new CollectWhenFull(collect, Number.POSITIVE_INFINITY)
  }

  /**
   * A buffer of at least `bytes`, with one reference and unknown contents. Running out of memory shows later, as the
   * allocation's `failure`: WebGPU tells so only then.
   * @throws DeviceError if the device has no buffers of that size.
   */
  allocate(bytes: number, what: () => string): GpuAllocation {
    assertFits(bytes, this.#limits.bufferBytes, what)
    this.#collect.beforeAllocating(this.#liveBytes)
    const size = this.#roundUp(bytes)
    const reused = this.#free.get(size)?.pop()
    if (reused) this.#unpool(reused)
    const allocation = reused ?? this.#create(size, what)
    allocation.refs = 1
    this.#liveBytes += size
    this.#liveCount++
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes)
    return allocation
  }

  /** @throws DeviceError if a tensor of that many bytes cannot be bound or held. */
  assertFits(bytes: number, what: () => string): void {
    assertFits(bytes, Math.min(this.#limits.bindingBytes, this.#limits.bufferBytes), what)
  }

  retain(allocation: GpuAllocation): GpuAllocation {
    allocation.refs++
    return allocation
  }

  /** Gives one reference back; the last one returns the buffer to the pool. */
  release(allocation: GpuAllocation): void {
    if (--allocation.refs > 0 || this.#closed) return
    this.#liveBytes -= allocation.size
    this.#liveCount--
    this.#collect.afterReleasing(this.#liveBytes)
    if (allocation.failure) {
      allocation.buffer.destroy()
      return
    }
    const same = this.#free.get(allocation.size)
    if (same) same.push(allocation)
    else this.#free.set(allocation.size, [allocation])
    this.#pooled.add(allocation)
    this.#pooledBytes += allocation.size
    this.#trim(POOL_BYTES)
  }

  stats(): DeviceMemory {
    return { live: this.#liveBytes, pooled: this.#pooledBytes, buffers: this.#liveCount, peak: this.#peakBytes }
  }

  /** The GPU device is going away with all its buffers: nothing is left to free one by one. */
  close(): void {
    this.#closed = true
    this.#free.clear()
    this.#pooled.clear()
    this.#pooledBytes = this.#liveBytes = this.#liveCount = 0
  }

  #roundUp(bytes: number): number {
    const rounded = Math.ceil(bytes / GRAIN) * GRAIN
    return rounded <= this.#limits.bufferBytes ? rounded : bytes
  }

  #create(size: number, what: () => string): GpuAllocation {
    this.#gpu.pushErrorScope('out-of-memory')
    const buffer = this.#gpu.createBuffer({ label: 'tensor', size, usage: USAGE })
    const scope = this.#gpu.popErrorScope()
    const allocation: GpuAllocation = { id: this.#nextId++, buffer, size, refs: 1, failure: null }
    const used = this.#liveBytes
    const checked = this.#health.check(scope, () => this.#outOfMemory(what(), size, used))
    void checked.then((failure) => {
      if (!failure) return
      allocation.failure = failure
      // What the pool holds may be what the next attempt needs.
      this.#trim(0)
    })
    return allocation
  }

  #outOfMemory(what: string, size: number, used: number): DeviceError {
    return new DeviceError(`out of GPU memory: no ${sizeText(size)} for ${what}, with ${sizeText(used)} in use`, {
      hint: 'dispose() tensors that are no longer needed, or use f16, a smaller batch or checkpoint()',
    })
  }

  #unpool(allocation: GpuAllocation): void {
    this.#pooled.delete(allocation)
    this.#pooledBytes -= allocation.size
  }

  /** Throws out the oldest until no more than `most` bytes are pooled. */
  #trim(most: number): void {
    for (const oldest of this.#pooled) {
      if (this.#pooledBytes <= most) return
      this.#unpool(oldest)
      const same = this.#free.get(oldest.size) ?? []
      same.splice(same.indexOf(oldest), 1)
      if (same.length === 0) this.#free.delete(oldest.size)
      oldest.buffer.destroy()
    }
  }
}
