import type { DType } from '../dtype.ts'
import type { Tensor } from '../tensor.ts'
import type { Agree, Dim, DTypeMismatch, IsWide, Known, Shape, ShapeMismatch, Show } from '../types.ts'

/** NumPy broadcasting in types. */
type BroadcastDim<X extends Dim, Y extends Dim> = [X] extends [1]
  ? Y
  : [Y] extends [1]
    ? X
    : Known<X> extends true
      ? X
      : Known<Y> extends true
        ? Y
        : Dim

/** The shape to which A and B broadcast, from the right. */
export type Broadcast<A extends Shape, B extends Shape> = [A, B] extends [B, A]
  ? A
  : B extends readonly []
    ? A
    : A extends readonly []
      ? B
      : IsWide<A> extends true
        ? Shape
        : IsWide<B> extends true
          ? Shape
          : A extends readonly [...infer AL extends Shape, infer X extends Dim]
            ? B extends readonly [...infer BL extends Shape, infer Y extends Dim]
              ? readonly [...Broadcast<AL, BL>, BroadcastDim<X, Y>]
              : A
            : B

/** The first pair of dimensions, from the right, that does not broadcast, as text; never if all do. */
export type Clash<A extends Shape, B extends Shape> = A extends readonly [
  ...infer AL extends Shape,
  infer X extends Dim,
]
  ? B extends readonly [...infer BL extends Shape, infer Y extends Dim]
    ? [X] extends [1]
      ? Clash<AL, BL>
      : [Y] extends [1]
        ? Clash<AL, BL>
        : Agree<X, Y> extends true
          ? Clash<AL, BL>
          : `${X} and ${Y} differ`
    : never
  : never

/** Unknown if both operands fit; otherwise the message. Dtypes must share a member: a wide one fits any. */
type PairCheck<Op extends string, SA extends Shape, DA extends DType, SB extends Shape, DB extends DType> = [
  DA & DB,
] extends [never]
  ? DTypeMismatch<`${Op}: operands differ in dtype: ${DA} and ${DB}`>
  : [Clash<SA, SB>] extends [never]
    ? unknown
    : ShapeMismatch<`${Op}: cannot broadcast [${Show<SA>}] with [${Show<SB>}] - ${Clash<SA, SB>}`>

/** Operands of one type fit: said first, as it holds of Tensor<S> in a function generic in S too. */
export type BinaryCheck<Op extends string, A, B> = [A, B] extends [B, A]
  ? unknown
  : B extends Tensor<infer SB, infer DB>
    ? A extends Tensor<infer SA, infer DA>
      ? PairCheck<Op, SA, DA, SB, DB>
      : unknown
    : unknown

/** Shape and dtype of an operand; a number is a scalar of the other operand's dtype. */
export type ShapeIn<X> = [X] extends [Tensor<infer S, infer _D>] ? S : [X] extends [number] ? readonly [] : Shape
export type DTypeIn<X> = [X] extends [Tensor<infer _S, infer D>] ? D : DType

/** The type of an elementwise operation on A and B. */
export type Arithmetic<A, B> = [A] extends [Tensor<infer SA, infer DA>]
  ? [B] extends [number]
    ? Tensor<SA, DA>
    : [A, B] extends [B, A]
      ? Tensor<SA, DA>
      : Tensor<Broadcast<SA, ShapeIn<B>>, DA & DTypeIn<B>>
  : [A] extends [number]
    ? [B] extends [Tensor<infer SB, infer DB>]
      ? Tensor<SB, DB>
      : Tensor<readonly [], 'f32'>
    : Tensor<Shape, DTypeIn<B>>
