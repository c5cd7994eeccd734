import { FileError } from '../../util/errors.ts'
import { CHUNK_BYTES, type OpenFile } from '../file-access.ts'

/** Bytes of header above which a file is refused: the largest vocabularies take some 30 MB. */
export const MAX_HEADER_BYTES = 256 << 20

/**
 * Reads a header from front to back in chunks. What is there already is read at once, without a promise for each of
 * the hundreds of thousands of strings in a vocabulary: `if (!cursor.has(n)) await cursor.load(n)`, then up to n bytes.
 */
export class Cursor {
  readonly #file: OpenFile
  readonly #end: number
  #bytes = new Uint8Array(0)
  #view = new DataView(this.#bytes.buffer)
  /** Where `#bytes` begins in the file, and where reading goes on in `#bytes`. */
  #start = 0
  #at = 0

  constructor(file: OpenFile) {
    this.#file = file
    this.#end = Math.min(file.size, MAX_HEADER_BYTES)
  }

  /** Bytes of the file read so far. */
  get position(): number {
    return this.#start + this.#at
  }

  /** Bytes that the header can still have. */
  get left(): number {
    return this.#end - this.position
  }

  has(bytes: number): boolean {
    return this.#bytes.length - this.#at >= bytes
  }

  /** Makes at least `bytes` more available. FileError where the file does not have them. */
  async load(bytes: number): Promise<void> {
    if (this.has(bytes)) return
    this.mustHave(bytes)
    const rest = this.#bytes.subarray(this.#at)
    const next = new Uint8Array(Math.min(this.left, Math.max(CHUNK_BYTES, bytes)))
    next.set(rest)
    await this.#file.readInto(next.subarray(rest.length), this.position + rest.length)
    this.#start = this.position
    this.#at = 0
    this.#bytes = next
    this.#view = new DataView(next.buffer)
  }

  /** Before anything of that size is allocated: FileError where the header cannot hold `bytes` more. */
  mustHave(bytes: number): void {
    if (bytes <= this.left) return
    if (this.#end === MAX_HEADER_BYTES) throw this.error(`its header exceeds ${MAX_HEADER_BYTES >> 20} MiB`)
    throw this.error(`its header needs ${bytes} bytes after byte ${this.position}, and the file ends at ${this.#end}`)
  }

  error(what: string): FileError {
    const hint = 'the file is truncated, damaged or of another format'
    return new FileError(`${this.#file.path}: not a GGUF file: ${what}`, { hint })
  }

  /** The next 4 bytes, which must be available. */
  u32(): number {
    this.#at += 4
    return this.#view.getUint32(this.#at - 4, true)
  }

  /** The next 8 bytes, which must be available. Past 2^53 it is rounded, and still larger than any file. */
  u64(): number {
    return this.u32() + this.u32() * 2 ** 32
  }

  /** The next bytes, which must be available; valid until the next `load`. */
  take(bytes: number): Uint8Array {
    this.#at += bytes
    return this.#bytes.subarray(this.#at - bytes, this.#at)
  }

  /** Fills `target`, however large, with the next bytes. */
  async fill(target: Uint8Array): Promise<void> {
    for (let done = 0; done < target.length; ) {
      await this.load(1)
      const part = this.take(Math.min(target.length - done, this.#bytes.length - this.#at))
      target.set(part, done)
      done += part.length
    }
  }
}
