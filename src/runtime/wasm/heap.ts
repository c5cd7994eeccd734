/** Blocks begin at multiples of this: a cache line, and more than any kernel's vectors ask for. */
const ALIGNMENT = 64
/** Kernels may read this far past the end of a buffer. */
const SPARE_BYTES = 16

export const blockBytes = (bytes: number): number => Math.ceil((bytes + SPARE_BYTES) / ALIGNMENT) * ALIGNMENT

interface FreeBlock {
  address: number
  bytes: number
}

/**
 * Gives out addresses of one linear memory, which only grows. Best fit, and neighbours that are free become one: the
 * tensors of a training step are few and of very different sizes.
 */
export class Heap {
  /** In the order of their addresses. */
  readonly #free: FreeBlock[] = []
  #end = ALIGNMENT // address 0 is nobody's

  /** Bytes of the memory that are free. */
  get freeBytes(): number {
    return this.#free.reduce((sum, block) => sum + block.bytes, 0)
  }

  /** Everything below this address is the heap's. */
  get end(): number {
    return this.#end
  }

  /** The address of a block for `bytes`, or null if the heap must be extended first. */
  take(bytes: number): number | null {
    const size = blockBytes(bytes)
    let best = -1
    for (let i = 0; i < this.#free.length; i++) {
      const block = this.#free[i]!
      if (block.bytes >= size && (best < 0 || block.bytes < this.#free[best]!.bytes)) best = i
    }
    const block = this.#free[best]
    if (!block) return null
    const { address } = block
    block.address += size
    block.bytes -= size
    if (block.bytes === 0) this.#free.splice(best, 1)
    return address
  }

  give(address: number, bytes: number): void {
    this.#insert(address, blockBytes(bytes))
  }

  /** By how much the heap must be extended for a block of `bytes`; its last block counts if it is free. */
  missing(bytes: number): number {
    const last = this.#free.at(-1)
    const atEnd = last && last.address + last.bytes === this.#end ? last.bytes : 0
    return blockBytes(bytes) - atEnd
  }

  /** The memory reaches to `end` now. */
  extend(end: number): void {
    const from = this.#end
    this.#end = end
    if (end > from) this.#insert(from, end - from)
  }

  #insert(address: number, bytes: number): void {
    const at = this.#firstAfter(address)
    const before = this.#free[at - 1]
    const after = this.#free[at]
    const joinsBefore = before !== undefined && before.address + before.bytes === address
    const joinsAfter = after !== undefined && address + bytes === after.address
    if (joinsBefore && joinsAfter) {
      before.bytes += bytes + after.bytes
      this.#free.splice(at, 1)
    } else if (joinsBefore) before.bytes += bytes
    else if (joinsAfter) {
      after.address = address
      after.bytes += bytes
    } else this.#free.splice(at, 0, { address, bytes })
  }

  #firstAfter(address: number): number {
    let [low, high] = [0, this.#free.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#free[middle]!.address < address) low = middle + 1
      else high = middle
    }
    return low
  }
}
