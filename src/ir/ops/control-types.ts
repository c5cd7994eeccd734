import type { DType } from '../dtype.ts'
import type { Tensor } from '../tensor.ts'
import type { Dim, IsWide, Shape } from '../types.ts'

/** Trees of tensors in types. */
type Nothing = null | undefined

/** One slice of every tensor along its leading axis. */
export type SliceOf<X> =
  X extends Tensor<infer S, infer D>
    ? Tensor<S extends readonly [Dim, ...infer R extends Shape] ? R : Shape, D>
    : X extends Nothing
      ? X
      : { [K in keyof X]: SliceOf<X[K]> }

/** Every tensor with a leading axis L. */
export type Stacked<Y, L extends Dim> =
  Y extends Tensor<infer S, infer D>
    ? Tensor<IsWide<S> extends true ? Shape : readonly [L, ...S], D>
    : Y extends Nothing
      ? Y
      : { [K in keyof Y]: Stacked<Y[K], L> }

/** The leading dimension of a tensor; unknown for a tree of several. */
export type LeadOf<X> = X extends Tensor<readonly [infer L extends Dim, ...Shape]> ? L : Dim

/** The same tree, its tensors of any type: what a loop's body may return for its carry, verified when traced. */
export type Loose<C> = C extends Tensor<Shape, DType> ? Tensor : { readonly [K in keyof C]: Loose<C[K]> }
