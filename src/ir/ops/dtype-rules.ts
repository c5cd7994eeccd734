import type { DType } from '../dtype.ts'
import type { DTypeMismatch } from '../types.ts'

/**
 * Which dtypes an operation takes, as a table from dtype to `unknown` (fits) or a message. Looked up by key, and not
 * decided by a conditional type, so that a function generic in `D extends FloatDType` may call the operation.
 */
type Takes<Op extends string, Allowed extends DType, Label extends string> = {
  readonly [D in DType]: D extends Allowed ? unknown : DTypeMismatch<`${Op}: takes ${Label}, got ${D}`>
}

export type AnyDType = { readonly [D in DType]: unknown }
export type FloatOnly<Op extends string> = Takes<Op, 'f32' | 'f16', 'f32, f16'>
export type NumberOnly<Op extends string> = Takes<Op, 'f32' | 'f16' | 'i32' | 'u32', 'f32, f16, i32, u32'>
export type SignedOnly<Op extends string> = Takes<Op, 'f32' | 'f16' | 'i32', 'f32, f16, i32'>
export type IntOnly<Op extends string> = Takes<Op, 'i32' | 'u32', 'i32, u32'>
export type BitsOnly<Op extends string> = Takes<Op, 'bool' | 'i32' | 'u32', 'bool, i32, u32'>
export type BoolOnly<Op extends string> = Takes<Op, 'bool', 'bool'>
export type U32Only<Op extends string> = Takes<Op, 'u32', 'u32'>
