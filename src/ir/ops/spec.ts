import type { DType } from '../dtype.ts'
import type { Tensor } from '../tensor.ts'
import type { Shape } from '../types.ts'

/**
 * The type of a tensor as plain data: what a function is traced or compiled for. A dimension may be a name ('B'),
 * whose size is given when the function is traced.
 */
export interface Spec<S extends Shape = Shape, D extends DType = DType> {
  readonly kind: 'spec'
  readonly shape: S
  readonly dtype: D
}

/** The type [S] of dtype D, as plain data. */
export function spec<const S extends Shape, D extends DType = 'f32'>(shape: S, dtype?: D): Spec<S, D>
export function spec(shape: Shape, dtype: DType = 'f32'): Spec {
  return { kind: 'spec', shape, dtype }
}

export const isSpec = (x: unknown): x is Spec =>
  typeof x === 'object' && x !== null && 'kind' in x && x.kind === 'spec' && 'dtype' in x && 'shape' in x

/** The spec of a tensor: its sizes and dtype, without its elements. */
export const specOf = <D extends DType>(x: Tensor<Shape, D>): Spec<readonly number[], D> => ({
  kind: 'spec',
  shape: x.shape,
  dtype: x.dtype,
})
