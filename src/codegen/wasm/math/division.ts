import type { Arithmetic } from '../arithmetic.ts'
import { f64x2, i32, i32x4, v128 } from '../instructions.ts'
import type { Node } from '../node.ts'

/**
 * Integer division. There is none on vectors, but an f64 quotient of two 32-bit integers truncates to theirs: it
 * differs from the next integer by far more than it is rounded.
 */
export function quotientLanes(a: Node, b: Node, signed: boolean): Node {
  const convert = signed ? f64x2.convertLowI32S : f64x2.convertLowI32U
  const truncate = signed ? i32x4.truncSatF64SZero : i32x4.truncSatF64UZero
  const upper = (v: Node): Node => v128.shuffle(v, v, [2, 3, 2, 3])
  const low = truncate(f64x2.div(convert(a), convert(b)))
  const high = truncate(f64x2.div(convert(upper(a)), convert(upper(b))))
  return v128.shuffle(low, high, [0, 1, 4, 5])
}

export const remainderLanes = (a: Node, b: Node, signed: boolean): Node =>
  i32x4.sub(a, i32x4.mul(quotientLanes(a, b, signed), b))

/** The quotient of any two integers: by 0 it is the dividend, and that of the least integer by -1 is itself. */
export function divide(A: Arithmetic, a: Node, b: Node, signed: boolean): Node {
  const divisor = harmless(A, b, signed)
  const quotient =
    A.lanes === 4 ? quotientLanes(a, divisor, signed) : signed ? i32.divS(a, divisor) : i32.divU(a, divisor)
  if (!signed) return quotient
  return A.select(A.i32.eq(b, A.constI32(-1)), A.i32.sub(A.constI32(0), a), quotient)
}

/** The remainder of any two integers: by 0 it is 0. */
export function remainder(A: Arithmetic, a: Node, b: Node, signed: boolean): Node {
  const divisor = harmless(A, b, signed)
  if (A.lanes === 4) return remainderLanes(a, divisor, signed)
  return signed ? i32.remS(a, divisor) : i32.remU(a, divisor)
}

/** Divisors that trap, replaced by 1: 0, and among signed ones -1. Dividing by 1 is right or nearly so for both. */
function harmless(A: Arithmetic, b: Node, signed: boolean): Node {
  const bad = signed ? A.i32.leU(A.i32.add(b, A.constI32(1)), A.constI32(1)) : A.i32.eq(b, A.constI32(0))
  return A.select(bad, A.constI32(1), b)
}

/** A shift by distances that differ between lanes. */
export function shiftLanes(a: Node, by: Node, shift: (a: Node, by: Node) => Node): Node {
  const lane = (i: number): Node => shift(i32x4.extract(a, i), i32x4.extract(by, i))
  return [1, 2, 3].reduce((v, i) => i32x4.replace(v, i, lane(i)), i32x4.splat(lane(0)))
}
