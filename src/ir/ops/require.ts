import { type DType, isFloat, isInt } from '../dtype.ts'
import { failDType } from '../prims/common.ts'
import { formatShape } from '../shape.ts'

interface Typed {
  readonly dtype: DType
  readonly shape: readonly number[]
}

/** @throws DTypeError unless x is f32 or f16. */
export function requireFloat(op: string, x: Typed): void {
  if (!isFloat(x.dtype)) {
    failDType(`${op}: takes f32, f16, got ${x.dtype}${formatShape(x.shape)}`, "cast it first: cast(x, 'f32')")
  }
}

/** @throws DTypeError unless x is bool. */
export function requireBool(op: string, x: Typed): void {
  if (x.dtype !== 'bool') {
    failDType(`${op}: takes bool, got ${x.dtype}${formatShape(x.shape)}`, 'compare first: ne(x, 0)')
  }
}

/** @throws DTypeError unless x is i32 or u32. */
export function requireInt(op: string, x: Typed): void {
  if (!isInt(x.dtype)) {
    failDType(`${op}: takes i32, u32, got ${x.dtype}${formatShape(x.shape)}`, "cast it first: cast(x, 'i32')")
  }
}
