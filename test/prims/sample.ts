import type { DType, HostArray } from '../../src/ir/dtype.ts'
import type { Attrs } from '../../src/ir/graph.ts'
import type { Prim } from '../../src/ir/prim.ts'
import { fill, type Random } from './random.ts'

/** Operands and attrs of one application of a primitive. */
export interface Sample {
  readonly inputs: readonly HostArray[]
  readonly attrs: Attrs
}

/** Where a sample's choices come from: equal shapes and attrs with other elements need two sources. */
export interface Sources {
  /** Decides shapes and attrs. */
  readonly form: Random
  /** Decides elements. */
  readonly values: Random
  readonly dtype: DType
}

/**
 * One row of the table that drives the tests of primitives. Elements of float inputs stay clear of kinks and poles, so
 * that finite differences mean something; integer indices go out of range on purpose.
 */
export interface SampleRow {
  readonly prim: Prim
  /** Tells apart rows of one primitive. */
  readonly variant?: string
  readonly dtypes: readonly DType[]
  /** Largest relative error between the reference and a device in f32; 0 asks for equality. */
  readonly tolerance: number
  /** Float inputs at which the derivative is a convention, so that finite differences do not give it. */
  readonly conventional?: readonly number[]
  make(sources: Sources): Sample
}

export const nameOf = (row: SampleRow): string => (row.variant ? `${row.prim.name} (${row.variant})` : row.prim.name)

export const FLOATS: readonly DType[] = ['f32', 'f16']
export const NUMBERS: readonly DType[] = ['f32', 'f16', 'i32', 'u32']
export const ALL: readonly DType[] = ['f32', 'f16', 'i32', 'u32', 'bool']

/** Elements fit for most operations: floats in [-2, 2], small integers. */
export function plain(dtype: DType, shape: readonly number[], random: Random): HostArray {
  if (dtype === 'bool') return fill(dtype, shape, () => random.int(0, 1))
  if (dtype === 'u32') return fill(dtype, shape, () => random.int(0, 9))
  if (dtype === 'i32') return fill(dtype, shape, () => random.int(-9, 9))
  return fill(dtype, shape, () => random.number(-2, 2))
}

/** Floats in a range; integers as `plain`. */
export const within = (low: number, high: number) => (dtype: DType, shape: readonly number[], random: Random) =>
  dtype === 'f32' || dtype === 'f16' ? fill(dtype, shape, () => random.number(low, high)) : plain(dtype, shape, random)

/** Away from zero on both sides. */
export const awayFromZero = (dtype: DType, shape: readonly number[], random: Random): HostArray =>
  dtype === 'f32' || dtype === 'f16'
    ? fill(dtype, shape, () => random.number(0.4, 2) * (random.flip() ? 1 : -1))
    : plain(dtype, shape, random)

/** Several arrays whose elements all differ by 0.1 or more, so that no order changes under a small step. */
export function distinct(dtype: DType, shapes: readonly (readonly number[])[], random: Random): HostArray[] {
  if (dtype !== 'f32' && dtype !== 'f16') return shapes.map((shape) => plain(dtype, shape, random))
  const count = shapes.reduce((n, shape) => n + shape.reduce((m, d) => m * d, 1), 0)
  const order = random.shuffle(Array.from({ length: count }, (_, i) => (i - count / 2) * 0.1))
  return shapes.map((shape) => fill(dtype, shape, () => order.pop()!))
}

/** Runs of integers around [0, n), some out of range. */
export const indices = (dtype: DType, shape: readonly number[], n: number, random: Random): HostArray =>
  fill(dtype, shape, () => random.int(dtype === 'u32' ? 0 : -1, n))
