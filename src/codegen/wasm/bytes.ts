/** A byte string that grows: what a module is written into. */
export class Bytes {
  private data = new Uint8Array(256)
  length = 0

  byte(value: number): void {
    if (this.length === this.data.length) this.grow(1)
    this.data[this.length++] = value
  }

  append(values: ArrayLike<number>): void {
    if (this.length + values.length > this.data.length) this.grow(values.length)
    this.data.set(values, this.length)
    this.length += values.length
  }

  bytes(other: Bytes): void {
    this.append(other.data.subarray(0, other.length))
  }

  unsigned(value: number): void {
    let rest = value >>> 0
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  /** A string of bytes preceded by its length, as sections, functions and names are. */
  sized(other: Bytes): void {
    this.unsigned(other.length)
    this.bytes(other)
  }

  name(text: string): void {
    this.unsigned(text.length)
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i))
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.data.slice(0, this.length)
  }

  private grow(more: number): void {
    const larger = new Uint8Array(Math.max(2 * this.data.length, this.length + more))
    larger.set(this.data.subarray(0, this.length))
    this.data = larger
  }
}

/** LEB128 of a non-negative number, as the immediate of an instruction. */
export function unsignedLeb(value: number): readonly number[] {
  if (value >= 0 && value < 0x80) return [value]
  const out: number[] = []
  let rest = value >>> 0
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  out.push(rest)
  return out
}

/** LEB128 of a signed 32-bit integer. */
export function signedLeb(value: number): readonly number[] {
  const out: number[] = []
  let rest = value | 0
  for (;;) {
    const low = rest & 0x7f
    rest >>= 7
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      out.push(low)
      return out
    }
    out.push(low | 0x80)
  }
}

const view = new DataView(new ArrayBuffer(8))
const viewed = new Uint8Array(view.buffer)

export function f32Bytes(value: number): readonly number[] {
  view.setFloat32(0, value, true)
  return [...viewed.subarray(0, 4)]
}

export function f64Bytes(value: number): readonly number[] {
  view.setFloat64(0, value, true)
  return [...viewed]
}

export function i32Bytes(value: number): readonly number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]
}
