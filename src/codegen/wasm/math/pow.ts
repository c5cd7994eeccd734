import { f32x4, f64x2, i64x2, v128 } from '../instructions.ts'
import type { Helper } from '../module.ts'
import { constF32x4, constF64x2, constI32, constI32x4, constLanes, type Node } from '../node.ts'

/** Horner's scheme in f64, the highest power first. */
const polynomial64 = (x: Node, coefficients: readonly number[]): Node =>
  coefficients.slice(1).reduce((sum, c) => f64x2.add(f64x2.mul(sum, x), constF64x2(c)), constF64x2(coefficients[0]!))

const both64 = (high: number, low: number): Node => constLanes([low, high, low, high])
const SQRT_HALF_HIGH = 0x3fe6a09e
/** 2^52: a whole number put in its mantissa is that number more. */
const TWO_52_HIGH = 0x43300000

/** log2 of positive normal numbers, to 11 digits: the exponent, and the series of atanh for the mantissa. */
function log2(x: Node): Node {
  // Counted from sqrt(1/2), exponents are those of a mantissa near 1; the bias keeps them positive for the shift.
  const bits = i64x2.sub(x, both64(SQRT_HALF_HIGH, 0))
  const biased = i64x2.shrU(i64x2.add(bits, both64(0x40000000, 0)), constI32(52))
  const exponent = f64x2.sub(v128.or(biased, both64(TWO_52_HIGH, 0)), constF64x2(2 ** 52 + 1024))
  const mantissa = i64x2.add(v128.and(bits, both64(0x000fffff, -1)), both64(SQRT_HALF_HIGH, 0))
  const s = f64x2.div(f64x2.sub(mantissa, constF64x2(1)), f64x2.add(mantissa, constF64x2(1)))
  const z = f64x2.mul(s, s)
  const series = polynomial64(
    z,
    [13, 11, 9, 7, 5, 3, 1].map((n) => (2 * Math.LOG2E) / n),
  )
  return f64x2.add(exponent, f64x2.mul(s, series))
}

/** 1/10!, 1/9!, ..., 1: the series of e^x. */
const INVERSE_FACTORIALS = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((n) => {
  let product = 1
  for (let i = 2; i <= n; i++) product *= i
  return 1 / product
})

/** 2^t for |t| <= 300, beyond which f32 does not reach. */
function exp2(t: Node): Node {
  const clamped = f64x2.pmax(f64x2.pmin(t, constF64x2(300)), constF64x2(-300))
  const n = f64x2.nearest(clamped)
  const p = polynomial64(f64x2.mul(f64x2.sub(clamped, n), constF64x2(Math.LN2)), INVERSE_FACTORIALS)
  const biased = f64x2.add(n, constF64x2(2 ** 52 + 1023))
  return f64x2.mul(p, i64x2.shl(biased, constI32(52)))
}

/** Two lanes of |a|^b. */
function magnitude(a: Node, b: Node): Node {
  const x = f64x2.promoteLowF32(a)
  const infinity = constF64x2(Number.POSITIVE_INFINITY)
  const ordinary = v128.bitselect(constF64x2(Number.NEGATIVE_INFINITY), log2(x), f64x2.eq(x, constF64x2(0)))
  // The sum is NaN where x is, and infinite where it is.
  const finite = f64x2.lt(x, infinity)
  const logarithm = v128.bitselect(ordinary, f64x2.add(x, infinity), finite)
  return f32x4.demoteF64Zero(exp2(f64x2.mul(f64x2.promoteLowF32(b), logarithm)))
}

/**
 * a^b on f32 lanes, computed in f64: within 1 unit in the last place. Special cases are
 * those of JavaScript's `**`: b = 0 gives 1, |a| = 1 to an infinite power NaN, and a negative base NaN unless the
 * exponent is whole, when an odd one keeps the sign.
 */
export const POW: Helper = {
  name: 'pow',
  params: ['v128', 'v128'],
  result: 'v128',
  body(f) {
    const [a, b] = [f.param(0), f.param(1)]
    const base = f32x4.abs(a)
    const upper = [2, 3, 2, 3]
    const low = magnitude(base, b)
    const high = magnitude(v128.shuffle(base, base, upper), v128.shuffle(b, b, upper))
    const size = v128.shuffle(low, high, [0, 1, 4, 5])
    const half = f32x4.mul(b, constF32x4(0.5))
    const whole = f32x4.eq(b, f32x4.trunc(b))
    const odd = v128.andnot(whole, f32x4.eq(half, f32x4.trunc(half)))
    const signed = v128.xor(size, v128.and(v128.and(odd, a), constI32x4(-0x80000000)))
    const zero = constF32x4(0)
    const negative = v128.and(f32x4.lt(a, zero), f32x4.gt(a, constF32x4(Number.NEGATIVE_INFINITY)))
    const defined = v128.bitselect(constF32x4(Number.NaN), signed, v128.andnot(negative, whole))
    return v128.bitselect(constF32x4(1), defined, f32x4.eq(b, zero))
  },
}
