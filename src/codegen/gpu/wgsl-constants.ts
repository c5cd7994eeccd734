import { type DType, f16ToNumber, numberToF16 } from '../../ir/dtype.ts'

/** A constant, and the helper functions that it takes. */
export function printConst(value: number, dtype: DType, helpers: Set<string>): string {
  if (dtype === 'bool') return value !== 0 ? 'true' : 'false'
  // Integers wrap as they do in a typed array.
  if (dtype === 'i32') return (value | 0) === -2147483648 ? 'i32(-2147483647 - 1)' : `${value | 0}`
  if (dtype === 'u32') return `${value >>> 0}u`
  // As it is stored: what lies beyond the dtype is infinite.
  const stored = dtype === 'f32' ? Math.fround(value) : f16ToNumber(numberToF16(value))
  if (Number.isFinite(stored)) return printFinite(stored, dtype)
  helpers.add(NON_FINITE)
  const text = Number.isNaN(stored)
    ? 'weft_float(0x7fc00000u)'
    : `weft_float(${stored > 0 ? '0x7f800000u' : '0xff800000u'})`
  return dtype === 'f32' ? text : `f16(${text})`
}

/** WGSL refuses infinities and NaN in constant expressions; through a variable their bits pass. */
const NON_FINITE = `var<private> weft_bits: u32;
fn weft_float(bits: u32) -> f32 {
  weft_bits = bits;
  return bitcast<f32>(weft_bits);
}`

function printFinite(value: number, dtype: DType): string {
  const text = Object.is(value, -0) ? '-0.0' : String(value)
  const decimal = /[.e]/.test(text) ? text : `${text}.0`
  const suffixed = `${decimal}${dtype === 'f32' ? 'f' : 'h'}`
  return suffixed.startsWith('-') ? `(${suffixed})` : suffixed
}

export const THREEFRY = `fn weft_threefry(k0: u32, k1: u32, c0: u32) -> u32 {
  // Threefry-2x32, 20 rounds, counter (c0, 0); see random_bits.
  let keys = array<u32, 3>(k0, k1, k0 ^ k1 ^ 0x1bd11bdau);
  let rotations = array<u32, 8>(13u, 15u, 26u, 6u, 17u, 29u, 16u, 24u);
  var x = c0 + k0;
  var y = k1;
  for (var round = 0u; round < 20u; round++) {
    let r = rotations[round % 8u];
    x = x + y;
    y = ((y << r) | (y >> (32u - r))) ^ x;
    if (round % 4u == 3u) {
      let injection = (round + 1u) / 4u;
      x = x + keys[injection % 3u];
      y = y + keys[(injection + 1u) % 3u] + injection;
    }
  }
  return x;
}`
