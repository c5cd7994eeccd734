import type { DType } from '../../ir/dtype.ts'
import { f16ToNumber, isFloat, numberToF16 } from '../../ir/dtype.ts'
import type { Arithmetic } from './arithmetic.ts'
import { f32x4, i32, i32x4 } from './instructions.ts'
import type { MathContext } from './module.ts'
import { constI32, type Node } from './node.ts'

/** A scalar in all lanes; a bool becomes a mask. */
export function splat(value: Node, dtype: DType): Node {
  if (isFloat(dtype)) return f32x4.splat(value)
  return i32x4.splat(dtype === 'bool' ? i32.sub(constI32(0), value) : value)
}

/** One lane of a vector as a scalar. */
export function extractLane(value: Node, lane: number, dtype: DType): Node {
  if (isFloat(dtype)) return f32x4.extract(value, lane)
  const bits = i32x4.extract(value, lane)
  return dtype === 'bool' ? i32.and(bits, constI32(1)) : bits
}

/** A constant as its dtype stores it. */
export function constant(A: Arithmetic, value: number, dtype: DType): Node {
  if (dtype === 'f32') return A.constF32(value)
  if (dtype === 'f16') return A.constF32(f16ToNumber(numberToF16(value)))
  if (dtype !== 'bool') return A.constI32(value | 0)
  return A.constI32(value === 0 ? 0 : A.lanes === 4 ? -1 : 1)
}

/** A function of vectors on whatever is at hand: a scalar is put in all lanes and the result taken from one. */
export function onLanes(A: Arithmetic, args: readonly Node[], dtype: DType, f: (...args: Node[]) => Node): Node {
  if (A.lanes === 4) return f(...args)
  return extractLane(f(...args.map((a) => splat(a, dtype))), 0, dtype)
}

/** Where formulas are written: the arithmetic of the lanes at hand, and what the module offers. */
export interface Place {
  readonly A: Arithmetic
  readonly m: MathContext
}
