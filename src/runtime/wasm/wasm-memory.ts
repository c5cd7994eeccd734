import { DeviceError } from '../../util/errors.ts'
import { type Allocation, assertFits, type TensorMemory } from '../allocation.ts'
import { CollectWhenFull } from '../collect-when-full.ts'
import type { Collector } from '../collector.ts'
import type { DeviceMemory } from '../device.ts'
import { sizeText } from '../size-text.ts'
import { blockBytes, Heap } from './heap.ts'
import type { LinearMemory } from './linear-memory.ts'

/** A block of the linear memory. */
export interface WasmAllocation extends Allocation {
  readonly address: number
  readonly bytes: number
}

/** The device's tensors in its linear memory. */
export class WasmMemory implements TensorMemory<WasmAllocation> {
  readonly #linear: LinearMemory
  readonly #mostBytes: number
  readonly #collect: CollectWhenFull
  readonly #heap = new Heap()
  #liveBytes = 0
  #liveCount = 0
  #peakBytes = 0
  #closed = false

  constructor(linear: LinearMemory, mostBytes: number, collect: Collector) {
    this.#linear = linear
    this.#mostBytes = mostBytes
    this.#collect = new CollectWhenFull(collect, linear.maximumBytes)
    this.#heap.extend(linear.byteLength)
  }

  /** @throws DeviceError if the memory cannot grow enough. */
  allocate(bytes: number, what: () => string): WasmAllocation {
    this.assertFits(bytes, what)
    this.#collect.beforeAllocating(this.#liveBytes)
    const address = this.#heap.take(bytes) ?? this.#grow(bytes, what)
    this.#liveBytes += blockBytes(bytes)
    this.#liveCount++
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes)
    return { address, bytes, refs: 1, failure: null }
  }

  /** @throws DeviceError if no tensor can have that many bytes. */
  assertFits(bytes: number, what: () => string): void {
    assertFits(bytes, this.#mostBytes, what)
  }

  retain(allocation: WasmAllocation): WasmAllocation {
    allocation.refs++
    return allocation
  }

  release(allocation: WasmAllocation): void {
    if (--allocation.refs > 0 || this.#closed) return
    this.#heap.give(allocation.address, allocation.bytes)
    this.#liveBytes -= blockBytes(allocation.bytes)
    this.#liveCount--
    this.#collect.afterReleasing(this.#liveBytes)
  }

  stats(): DeviceMemory {
    const pooled = this.#closed ? 0 : this.#heap.freeBytes
    return { live: this.#liveBytes, pooled, buffers: this.#liveCount, peak: this.#peakBytes }
  }

  close(): void {
    this.#closed = true
    this.#liveBytes = this.#liveCount = 0
  }

  #grow(bytes: number, what: () => string): number {
    if (this.#linear.growTo(this.#heap.end + this.#heap.missing(bytes))) {
      this.#heap.extend(this.#linear.byteLength)
      const address = this.#heap.take(bytes)
      if (address !== null) return address
    }
    const { maximumBytes } = this.#linear
    throw new DeviceError(
      `out of WebAssembly memory: no ${sizeText(bytes)} for ${what()}, with ${sizeText(this.#liveBytes)} in use of ` +
        sizeText(maximumBytes),
      { hint: 'dispose() tensors that are no longer needed, or use f16, a smaller batch or checkpoint()' },
    )
  }
}
