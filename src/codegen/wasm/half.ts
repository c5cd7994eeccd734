import type { Arithmetic } from './arithmetic.ts'
import { constI32, type Node } from './node.ts'

/**
 * Half precision. A value is held as the f32 of the same number; these go between that and the 16 stored bits, and
 * round an f32 to a number that 16 bits hold: to nearest, ties to even, with subnormals, infinities and NaN.
 */
export function fromHalfBits(A: Arithmetic, bits: Node): Node {
  const { i32 } = A
  const magnitude = i32.and(bits, A.constI32(0x7fff))
  // The exponents' biases differ by 112. The product also turns subnormals into the numbers that they stand for.
  const finite = A.asInt(A.f32.mul(A.asFloat(i32.shl(magnitude, constI32(13))), A.constF32(2 ** 112)))
  const special = A.select(i32.geU(magnitude, A.constI32(0x7c00)), A.constI32(0x7f800000), A.constI32(0))
  const sign = i32.shl(i32.and(bits, A.constI32(0x8000)), constI32(16))
  return A.asFloat(i32.or(i32.or(finite, special), sign))
}

/** The bits of numbers that half precision holds exactly. */
export function toHalfBits(A: Arithmetic, value: Node): Node {
  const { i32, f32 } = A
  const bits = A.asInt(value)
  const magnitude = i32.and(bits, A.constI32(0x7fffffff))
  const sign = i32.and(i32.shrU(bits, constI32(16)), A.constI32(0x8000))
  const scaled = A.asInt(f32.mul(A.asFloat(magnitude), A.constF32(2 ** -112)))
  const finite = i32.shrU(scaled, constI32(13))
  const finiteOrNot = A.select(i32.geS(magnitude, A.constI32(0x7f800000)), A.constI32(0x7c00), finite)
  // Machines differ in the signs of the NaNs they make; stored, all are one.
  return A.select(i32.gtS(magnitude, A.constI32(0x7f800000)), A.constI32(0x7e00), i32.or(finiteOrNot, sign))
}

export function roundToHalf(A: Arithmetic, value: Node): Node {
  const { i32, f32 } = A
  const bits = A.asInt(value)
  const magnitude = i32.and(bits, A.constI32(0x7fffffff))
  const sign = i32.and(bits, A.constI32(-0x80000000))
  const odd = i32.and(i32.shrU(magnitude, constI32(13)), A.constI32(1))
  const normal = i32.and(i32.add(magnitude, i32.add(odd, A.constI32(0xfff))), A.constI32(~0x1fff))
  // At 0.5 an f32 counts in steps of 2^-24, as subnormal halves do.
  const subnormal = A.asInt(f32.sub(f32.add(A.asFloat(magnitude), A.constF32(0.5)), A.constF32(0.5)))
  const rounded = A.select(i32.ltS(magnitude, A.constI32(0x38800000)), subnormal, normal)
  const fitting = A.select(i32.ltS(rounded, A.constI32(0x47800000)), rounded, A.constI32(0x7f800000))
  const nan = i32.gtS(magnitude, A.constI32(0x7f800000))
  return A.asFloat(A.select(nan, A.constI32(0x7fc00000), i32.or(fitting, sign)))
}
