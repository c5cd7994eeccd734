import type { WasmAllocation, WasmMemory } from './wasm-memory.ts'

/** A block for each worker, large enough for every program loaded so far. */
export class Scratch {
  readonly #memory: WasmMemory
  readonly #workers: number
  #block: WasmAllocation | null = null
  #bytes = 0

  constructor(memory: WasmMemory, workers: number) {
    this.#memory = memory
    this.#workers = workers
  }

  /** @throws DeviceError if there is not enough memory; then the old one stays. */
  reserve(bytes: number): void {
    if (bytes <= this.#bytes) return
    // The spare bytes that may be read past the end, and cache lines of one's own.
    const stride = Math.ceil((bytes + 16) / 64) * 64
    const block = this.#memory.allocate(stride * this.#workers, () => 'the scratch memory of kernels')
    if (this.#block) this.#memory.release(this.#block)
    this.#block = block
    this.#bytes = stride - 16
  }

  /** As a job that is enqueued now will use it: a later program may move it. */
  get place(): { readonly scratch: number; readonly scratchStride: number } {
    return { scratch: this.#block?.address ?? 0, scratchStride: this.#block ? this.#bytes + 16 : 0 }
  }
}
