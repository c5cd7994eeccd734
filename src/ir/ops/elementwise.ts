import type { DType } from '../dtype.ts'
import type { Operand } from '../ops-interface.ts'
import { rawOps } from '../raw-ops.ts'
import type { Tensor } from '../tensor.ts'
import type { Shape } from '../types.ts'
import type { Arithmetic, BinaryCheck, Broadcast } from './broadcast-types.ts'
import type { BoolOnly } from './dtype-rules.ts'
import type { ElementwiseOps } from './elementwise-types.ts'

/**
 * Elementwise operations. One operand: x [...S] -> [...S]. Two: a [...A], b [...B] -> [...] as A and B broadcast from
 * the right; either may be a number, which takes the other's dtype. All throw ShapeError where shapes do not broadcast
 * and DTypeError where dtypes differ or are not taken.
 *
 * The same functions as `rawOps`, which check when traced what these types say early.
 */
const o = rawOps as unknown as ElementwiseOps

/** -x. */
export const neg = o.neg
/** |x|. */
export const abs = o.abs
/** -1, 0 or 1. */
export const sign = o.sign
/** The greatest whole number not above x. */
export const floor = o.floor
/** The least whole number not below x. */
export const ceil = o.ceil
/** The nearest whole number, ties to even. */
export const round = o.round
/** e to the x. */
export const exp = o.exp
/** Natural logarithm. */
export const log = o.log
/** Square root. */
export const sqrt = o.sqrt
/** 1 / sqrt(x). */
export const rsqrt = o.rsqrt
/** Sine of x radians. */
export const sin = o.sin
/** Cosine of x radians. */
export const cos = o.cos
/** Hyperbolic tangent. */
export const tanh = o.tanh
/** The error function, 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x. */
export const erf = o.erf
/** 1 / (1 + exp(-x)). */
export const sigmoid = o.sigmoid
/** Logical not of bool, bitwise of integers. */
export const not = o.not
/** x, taken as a constant by differentiation. */
export const stopGradient = o.stopGradient
/** x as another dtype: float to integer truncates and saturates, anything to bool is x != 0. */
export const cast = o.cast
/** a + b. */
export const add = o.add
/** a - b. */
export const sub = o.sub
/** a * b. */
export const mul = o.mul
/** a / b; integers truncate, and by 0 give a. */
export const div = o.div
/** a to the b; a negative base needs a whole exponent. */
export const pow = o.pow
/** Remainder of a / b with the sign of a; integers by 0 give 0. */
export const rem = o.rem
/** The greater; of equals each gets half of the gradient. */
export const maximum = o.maximum
/** The lesser; of equals each gets half of the gradient. */
export const minimum = o.minimum
/** Logical and of bool, bitwise of integers. */
export const and = o.and
/** Logical or of bool, bitwise of integers. */
export const or = o.or
/** Logical exclusive or of bool, bitwise of integers. */
export const xor = o.xor
/** a shifted left by b modulo 32 bits. */
export const shiftLeft = o.shiftLeft
/** a shifted right by b modulo 32 bits, with the sign for i32. */
export const shiftRight = o.shiftRight
/** a == b, bool. */
export const eq = o.eq
/** a != b, bool. */
export const ne = o.ne
/** a < b, bool. */
export const lt = o.lt
/** a <= b, bool. */
export const le = o.le
/** a > b, bool. */
export const gt = o.gt
/** a >= b, bool. */
export const ge = o.ge

/** The shape and dtype of a choice between A and B by a condition of shape C. */
type Choice<C extends Shape, A, B> =
  Arithmetic<A, B> extends Tensor<infer S, infer D> ? Tensor<Broadcast<C, S>, D> : Tensor

/**
 * condition bool[...C], a [...A], b [...B] -> [...] as C, A and B broadcast: a where the condition holds, else b.
 * No gradient flows to what is not chosen.
 * @throws ShapeError where shapes do not broadcast; DTypeError unless the condition is bool and a and b share a dtype.
 */
export function where<C extends Shape, D extends DType, A extends Operand, B extends Operand>(
  condition: Tensor<C, D> & BoolOnly<'where'>[D],
  a: A & BinaryCheck<'where', Tensor<C>, A>,
  b: B & BinaryCheck<'where', A, B> & BinaryCheck<'where', Tensor<C>, B>,
): Choice<C, A, B>
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return rawOps.where(condition, a, b)
}
