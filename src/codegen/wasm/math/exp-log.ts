import { f32x4, i32x4, v128 } from '../instructions.ts'
import type { MathContext } from '../module.ts'
import { constF32x4, constI32, constI32x4, type Node } from '../node.ts'
import { polynomial } from './polynomial.ts'

/** 1.5 * 2^23: a number of moderate size added to it is rounded to an integer, found in the low bits of the sum. */
const INTEGER = 12582912
/** Above it the result is infinite. */
const LARGEST = 88.72283
/** ln(2^-126): below it the result would be subnormal. */
const SMALLEST = -87.33654

/**
 * e^x on f32 lanes within 2 units in the last place. Results below 2^-126 are 0: subnormals are slow to go on with.
 * 2^n e^r with n the integer nearest x / ln 2; the polynomial is that of Cephes' expf.
 */
export function exp(m: MathContext, x: Node): Node {
  const shifted = m.madd(x, constF32x4(Math.LOG2E), constF32x4(INTEGER))
  const n = f32x4.sub(shifted, constF32x4(INTEGER))
  // ln 2 in two parts, the first so short that its multiples are exact.
  const r = m.nmadd(n, constF32x4(-2.1219444e-4), m.nmadd(n, constF32x4(0.693359375), x))
  const p = polynomial(
    m,
    r,
    [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  )
  const power = f32x4.add(m.madd(p, f32x4.mul(r, r), r), constF32x4(1))
  const scaled = i32x4.add(power, i32x4.shl(shifted, constI32(23)))
  const notTiny = v128.andnot(scaled, f32x4.lt(x, constF32x4(SMALLEST)))
  // The sum is infinite where x is too large, and NaN where x is.
  return v128.bitselect(notTiny, f32x4.add(x, constF32x4(Number.POSITIVE_INFINITY)), f32x4.le(x, constF32x4(LARGEST)))
}

const SQRT_HALF_BITS = 0x3f3504f3
const MIN_NORMAL = 2 ** -126

/**
 * The natural logarithm on f32 lanes within 2 units in the last place; -inf at 0, NaN below. As in musl's logf:
 * x = 2^k (1 + f) with 1 + f near 1, and log(1 + f) by a polynomial in f / (2 + f).
 */
export function log(m: MathContext, x: Node): Node {
  const subnormal = f32x4.lt(x, constF32x4(MIN_NORMAL))
  const normal = v128.bitselect(f32x4.mul(x, constF32x4(2 ** 23)), x, subnormal)
  const bits = i32x4.sub(normal, constI32x4(SQRT_HALF_BITS))
  const exponent = f32x4.convertI32S(i32x4.shrS(bits, constI32(23)))
  const k = f32x4.sub(exponent, v128.and(subnormal, constF32x4(23)))
  const mantissa = i32x4.add(v128.and(bits, constI32x4(0x7fffff)), constI32x4(SQRT_HALF_BITS))
  const f = f32x4.sub(mantissa, constF32x4(1))
  const s = f32x4.div(f, f32x4.add(f, constF32x4(2)))
  const z = f32x4.mul(s, s)
  const p = f32x4.mul(z, polynomial(m, z, [0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693]))
  const half = f32x4.mul(f32x4.mul(f, constF32x4(0.5)), f)
  const tail = m.madd(k, constF32x4(9.0580006145e-6), f32x4.mul(s, f32x4.add(half, p)))
  const finite = m.madd(k, constF32x4(6.9313812256e-1), f32x4.add(f32x4.sub(tail, half), f))
  // What is not positive and finite: +inf and NaN stay, -0 and 0 give -inf, and a negative number 0 / 0.
  const zero = constF32x4(0)
  const atZero = v128.bitselect(constF32x4(Number.NEGATIVE_INFINITY), f32x4.div(zero, zero), f32x4.eq(x, zero))
  const positive = f32x4.gt(x, zero)
  const ordinary = v128.bitselect(finite, x, f32x4.lt(x, constF32x4(Number.POSITIVE_INFINITY)))
  return v128.bitselect(ordinary, atZero, positive)
}
