import type { Collector } from './collector.ts'

/** Below this much live memory nobody minds what was forgotten. */
const COLLECT_FROM_BYTES = 512 * 1024 * 1024

/**
 * Asks for a garbage collection whenever live memory has doubled since the last, as collectors do: tensors that nobody
 * holds are found by the collector alone. What is found comes back on a later turn of the event loop.
 */
export class CollectWhenFull {
  readonly #collect: Collector
  /** Live memory must stay below this. */
  readonly #most: number
  #collectAt = COLLECT_FROM_BYTES

  constructor(collect: Collector, most: number) {
    this.#collect = collect
    this.#most = most
  }

  beforeAllocating(liveBytes: number): void {
    if (liveBytes <= this.#collectAt) return
    // Where the limit is near, half of what is left.
    this.#collectAt = Math.min(2 * liveBytes, (liveBytes + this.#most) / 2)
    this.#collect()
  }

  afterReleasing(liveBytes: number): void {
    this.#collectAt = Math.max(COLLECT_FROM_BYTES, Math.min(this.#collectAt, 2 * liveBytes))
  }
}
