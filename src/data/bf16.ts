/* BF16 is the upper half of an f32. */

const bits = new Uint32Array(1)
const single = new Float32Array(bits.buffer)

/** The bits of a number rounded to the nearest, ties to even. A NaN stays one. */
export function numberToBf16(value: number): number {
  single[0] = value
  const x = bits[0]!
  if (Number.isNaN(value)) return (x >>> 16) | 0x40
  return (x + 0x7fff + ((x >>> 16) & 1)) >>> 16
}

/** Writes elements that are stored as BF16, of any alignment, to `out`, numbers of f32, from element `to` on. */
export function widenBf16(bytes: Uint8Array, out: ArrayBufferView, to: number): void {
  const wide = new Uint32Array(out.buffer, out.byteOffset + to * 4, bytes.length / 2)
  const even = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice()
  const halves = new Uint16Array(even.buffer, even.byteOffset, wide.length)
  for (let i = 0; i < wide.length; i++) wide[i] = halves[i]! << 16
}
