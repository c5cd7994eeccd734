import type { DType, HostArray } from '../../src/ir/dtype.ts'
import type { Attrs } from '../../src/ir/graph.ts'
import { hostFromNumbers } from '../../src/ir/tensor.ts'

/** A primitive, what goes in and what must come out. */
export interface Case {
  readonly prim: string
  readonly inputs: readonly HostArray[]
  readonly attrs: Attrs
  readonly want: readonly HostArray[]
}

/** An array of that shape; the shape may be left out where the numbers are one axis. */
export const host = (
  dtype: DType,
  numbers: readonly number[],
  shape: readonly number[] = [numbers.length],
): HostArray => hostFromNumbers(dtype, shape, numbers)

export const f32 = (numbers: readonly number[], shape?: readonly number[]): HostArray => host('f32', numbers, shape)
export const f16 = (numbers: readonly number[], shape?: readonly number[]): HostArray => host('f16', numbers, shape)
export const i32 = (numbers: readonly number[], shape?: readonly number[]): HostArray => host('i32', numbers, shape)
export const u32 = (numbers: readonly number[], shape?: readonly number[]): HostArray => host('u32', numbers, shape)
export const bool = (numbers: readonly number[], shape?: readonly number[]): HostArray => host('bool', numbers, shape)
