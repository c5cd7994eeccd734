import { f16ToNumber, type HostArray, numberToF16 } from './dtype.ts'
import type { AttrValue } from './graph.ts'
import { formatShape } from './shape.ts'

/** Numbers and arrays as the text form writes them: the fewest digits that read back to the same bits. */

export const isHostArray = (a: AttrValue): a is HostArray => typeof a === 'object' && 'data' in a

/** A double: JavaScript's own shortest digits, and words for what has none. */
export function formatNumber(x: number): string {
  if (Number.isNaN(x)) return 'nan'
  if (!Number.isFinite(x)) return x < 0 ? '-inf' : 'inf'
  return Object.is(x, -0) ? '-0' : String(x)
}

/** Bits of the NaN that arithmetic gives; another NaN is written as its bits. */
export const PLAIN_NAN = { f32: 0x7fc00000, f16: 0x7e00 } as const

/** `f32[2,2](1, 2, nan, -0)` */
export function formatArray(array: HostArray): string {
  return `${array.dtype}${formatShape(array.shape)}(${elementTexts(array).join(', ')})`
}

function elementTexts(array: HostArray): string[] {
  const { dtype, data } = array
  if (dtype === 'f32') {
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length)
    return Array.from(data, (x, i) => formatFloat(x, bits[i]!, PLAIN_NAN.f32, 9, Math.fround))
  }
  if (dtype === 'f16') {
    const round = (x: number): number => f16ToNumber(numberToF16(x))
    return Array.from(data, (bits) => formatFloat(f16ToNumber(bits), bits, PLAIN_NAN.f16, 5, round))
  }
  return Array.from(data, String)
}

/** `digits` always suffice; `round` takes a double to the nearest number of the format. */
function formatFloat(x: number, bits: number, nan: number, digits: number, round: (x: number) => number): string {
  if (Number.isNaN(x)) return bits === nan ? 'nan' : `0x${bits.toString(16)}`
  if (!Number.isFinite(x) || (Math.abs(x) < 1e6 && Number.isInteger(x))) return formatNumber(x)
  const reads = (n: number): boolean => round(Number(x.toPrecision(n))) === x
  // Most weights need nearly all digits: one look at the middle spares the small counts.
  const middle = digits - 3
  let n = reads(middle) ? 1 : middle + 1
  while (n < digits && !reads(n)) n++
  return formatNumber(Number(x.toPrecision(n)))
}
