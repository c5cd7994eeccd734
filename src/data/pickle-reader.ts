import { FileError } from '../util/errors.ts'

/** Reads the operands of a pickle's opcodes, one after the other, and never past its end. */
export class PickleReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #what: string
  #at = 0

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#what = what
  }

  fail(problem: string): FileError {
    return new FileError(`${this.#what}: byte ${this.#at} of the pickle: ${problem}`)
  }

  u8 = (): number => this.#view.getUint8(this.#take(1))
  u16 = (): number => this.#view.getUint16(this.#take(2), true)
  u32 = (): number => this.#view.getUint32(this.#take(4), true)
  i32 = (): number => this.#view.getInt32(this.#take(4), true)
  /** Exact below 2^53, and above that still more than any file has. */
  u64 = (): number => Number(this.#view.getBigUint64(this.#take(8), true))
  /** The one number that pickles have in network order. */
  f64 = (): number => this.#view.getFloat64(this.#take(8), false)

  bytes(length: number): Uint8Array {
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  text(length: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(this.bytes(length))
    } catch (cause) {
      if (cause instanceof FileError) throw cause
      throw this.fail('text that is not UTF-8')
    }
  }

  /** A line of ASCII, without its end. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) throw this.fail('a line without end')
    const text = this.text(end - this.#at)
    this.#at++
    return text
  }

  /** Two's complement of any length, little-endian; a bigint where a number would be inexact. */
  long(length: number): number | bigint {
    let value = 0n
    for (const byte of this.bytes(length).toReversed()) value = (value << 8n) | BigInt(byte)
    const signed = BigInt.asIntN(8 * length, value)
    const number = Number(signed)
    return Number.isSafeInteger(number) ? number : signed
  }

  #take(length: number): number {
    const start = this.#at
    if (length > this.#bytes.length - start) throw this.fail(`${length} bytes are asked for, past its end`)
    this.#at += length
    return start
  }
}
