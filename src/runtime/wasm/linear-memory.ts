import { DeviceError } from '../../util/errors.ts'
import { sizeText } from '../size-text.ts'

const PAGE_BYTES = 65536
/** All that 32-bit addresses reach. */
const MOST_PAGES = 65536

/** The one memory of a device, and views of it that are made anew when it grew. */
export class LinearMemory {
  #memory: WebAssembly.Memory
  readonly maximumBytes: number
  #bytes: Uint8Array
  #words: Uint32Array

  /** Can workers have it too? */
  readonly shared: boolean

  /** @throws DeviceError if the engine gives none; without `workers` one that is not shared will do. */
  constructor(mostBytes = MOST_PAGES * PAGE_BYTES, workers = true) {
    const { memory, pages, shared } = openMemory(Math.min(MOST_PAGES, Math.floor(mostBytes / PAGE_BYTES)), workers)
    this.#memory = memory
    this.shared = shared
    this.maximumBytes = pages * PAGE_BYTES
    this.#bytes = new Uint8Array(memory.buffer)
    this.#words = new Uint32Array(memory.buffer)
  }

  get memory(): WebAssembly.Memory {
    return this.#memory
  }

  get byteLength(): number {
    return this.#bytes.byteLength
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  get words(): Uint32Array {
    return this.#words
  }

  /** Makes the memory at least that large, and more if it has grown before. Says whether it could. */
  growTo(bytes: number): boolean {
    if (bytes > this.maximumBytes) return false
    // A quarter more than there is, so that growing is rare.
    const generous = Math.min(this.maximumBytes, Math.max(bytes, Math.floor(this.byteLength * 1.25)))
    return this.#grow(generous) || this.#grow(bytes)
  }

  /** An empty one takes its place, so that the engine can give its pages back. */
  close(): void {
    this.#memory = new WebAssembly.Memory({ initial: 0, maximum: 0, shared: this.shared })
    this.#refresh()
  }

  #refresh(): void {
    this.#bytes = new Uint8Array(this.#memory.buffer)
    this.#words = new Uint32Array(this.#memory.buffer)
  }

  #grow(bytes: number): boolean {
    const pages = Math.ceil((bytes - this.byteLength) / PAGE_BYTES)
    try {
      this.#memory.grow(pages)
    } catch {
      return false // the engine has no more: who asked says what did not fit
    }
    this.#refresh()
    return true
  }
}

interface OpenedMemory {
  readonly memory: WebAssembly.Memory
  readonly pages: number
  readonly shared: boolean
}

/** Engines reserve addresses for the maximum; on small systems they refuse the largest. */
function openMemory(most: number, workers: boolean): OpenedMemory {
  let refused = 'less than one page was asked for'
  for (const shared of workers ? [true] : [true, false]) {
    for (let pages = most; pages >= 1; pages = Math.floor(pages / 2)) {
      try {
        return {
          memory: new WebAssembly.Memory({ initial: Math.min(16, pages), maximum: pages, shared }),
          pages,
          shared,
        }
      } catch (cause) {
        refused = String(cause)
      }
    }
  }
  throw new DeviceError(`the engine gives no memory of ${sizeText(most * PAGE_BYTES)} or less: ${refused}`, {
    hint: 'free memory, or ask for less: memoryBytes',
  })
}
