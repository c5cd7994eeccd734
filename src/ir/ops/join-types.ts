import type { DType } from '../dtype.ts'
import type { Tensor } from '../tensor.ts'
import type { Agree, Dim, DTypeMismatch, IsWide, Shape, ShapeMismatch, Show } from '../types.ts'
import type { NormAxis } from './axis-types.ts'

/** Shape and dtype of the first of a list of tensors; wide where the list is not a literal one. */
export type FirstShape<T extends readonly unknown[]> = T extends readonly [Tensor<infer S>, ...unknown[]]
  ? S
  : T[number] extends Tensor<infer S>
    ? Elsewhere<S>
    : Shape
/** Tensors of an array may differ in their dimensions; only their common rank is known. */
type Elsewhere<S extends Shape> = { readonly [I in keyof S]: Dim }
export type FirstDType<T extends readonly unknown[]> = T extends readonly [Tensor<Shape, infer D>, ...unknown[]]
  ? D
  : T[number] extends Tensor<Shape, infer D>
    ? D
    : DType

/** False where A and B certainly differ in rank, or in a dimension other than that on the axis N. */
type SameBut<A extends Shape, B extends Shape, N, Seen extends readonly unknown[] = []> = A extends readonly [
  infer X extends Dim,
  ...infer AR extends Shape,
]
  ? B extends readonly [infer Y extends Dim, ...infer BR extends Shape]
    ? Seen['length'] extends N
      ? SameBut<AR, BR, N, [...Seen, X]>
      : Agree<X, Y> extends true
        ? SameBut<AR, BR, N, [...Seen, X]>
        : false
    : false
  : B extends readonly []
    ? true
    : false

type Joined<Op extends string, T extends readonly unknown[], I extends keyof T, N, Where extends string> =
  T[I] extends Tensor<infer S, infer D>
    ? [D & FirstDType<T>] extends [never]
      ? DTypeMismatch<`${Op}: operands differ in dtype: ${FirstDType<T>} and ${D}`>
      : IsWide<S> extends true
        ? unknown
        : IsWide<FirstShape<T>> extends true
          ? unknown
          : SameBut<FirstShape<T>, S, N> extends false
            ? ShapeMismatch<`${Op}: [${Show<FirstShape<T>>}] and [${Show<S>}] ${Where}`>
            : unknown
    : unknown

/** Unknown if element I fits the first along the axis X; otherwise the message. */
export type ConcatCheck<T extends readonly unknown[], I extends keyof T, X extends number> =
  number extends NormAxis<FirstShape<T>, X>
    ? unknown
    : Joined<'concat', T, I, NormAxis<FirstShape<T>, X>, `differ besides axis ${X}`>

/** Unknown if element I has the shape of the first; otherwise the message. */
export type StackCheck<T extends readonly unknown[], I extends keyof T> = Joined<'stack', T, I, never, 'differ'>
