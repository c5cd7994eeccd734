import type { Agree, AnyDims, Dim, IsWide, Shape, ShapeMismatch, Show } from '../types.ts'
import type { Axes, AxesCheck, NormAxes, NormAxis, Reduced, ShowAxes } from './axis-types.ts'

/** The axes X of a result that has them besides those of S. */
type Grown<S extends Shape, X> = X extends readonly unknown[] ? readonly [...S, ...X] : readonly [...S, unknown]

/** S with new axes of size D at X (positions in the result). */
export type Expanded<S extends Shape, X extends Axes, D extends Dim = 1> =
  IsWide<S> extends true
    ? Shape
    : number extends NormAxes<Grown<S, X>, X>
      ? Shape
      : Spread<S, NormAxes<Grown<S, X>, X>, D>
type Spread<S extends Shape, U, D extends Dim, Done extends Shape = readonly []> = Done['length'] extends U
  ? Spread<S, U, D, readonly [...Done, D]>
  : S extends readonly [infer H extends Dim, ...infer T extends Shape]
    ? Spread<T, U, D, readonly [...Done, H]>
    : Done
export type ExpandCheck<Op extends string, S extends Shape, X extends Axes> =
  IsWide<S> extends true
    ? unknown
    : 'out' extends NormAxes<Grown<S, X>, X>
      ? ShapeMismatch<`${Op}: ${ShowAxes<X>} out of range for the result of [${Show<S>}]`>
      : unknown

/** S without the axes X, which must have size 1. */
export type SqueezeCheck<S extends Shape, X extends Axes> =
  IsWide<S> extends true
    ? unknown
    : 'out' extends NormAxes<S, X>
      ? AxesCheck<'squeeze', S, X>
      : Agree<S[NormAxes<S, X> & keyof S] & Dim, 1> extends true
        ? unknown
        : ShapeMismatch<`squeeze: ${ShowAxes<X>} not of size 1 in [${Show<S>}]`>

/** S with its axes in the order P (reversed if absent). */
export type Permuted<S extends Shape, P> =
  IsWide<S> extends true
    ? Shape
    : [P] extends [undefined]
      ? Reversed<S>
      : P extends readonly number[]
        ? number extends P['length']
          ? AnyDims<S>
          : { readonly [I in keyof P]: AxisOf<S, P[I]> }
        : Shape
type AxisOf<S extends Shape, A> = A extends number
  ? number extends NormAxis<S, A>
    ? Dim
    : S[NormAxis<S, A> & keyof S] & Dim
  : Dim
type Reversed<S extends Shape> = S extends readonly [infer H extends Dim, ...infer T extends Shape]
  ? readonly [...Reversed<T>, H]
  : readonly []
export type PermCheck<S extends Shape, P> =
  IsWide<S> extends true
    ? unknown
    : P extends readonly number[]
      ? number extends P['length']
        ? unknown
        : number extends P[number]
          ? unknown
          : P['length'] extends S['length']
            ? [Exclude<IndexOf<S>, NormAxis<S, P[number]>>] extends [never]
              ? unknown
              : ShapeMismatch<NotPerm<S, P>>
            : ShapeMismatch<NotPerm<S, P>>
      : unknown
type IndexOf<S extends Shape, Seen extends readonly unknown[] = []> = S extends readonly [Dim, ...infer T extends Shape]
  ? Seen['length'] | IndexOf<T, [...Seen, unknown]>
  : never
type NotPerm<
  S extends Shape,
  P extends readonly number[],
> = `transpose: [${Show<P>}] does not permute the axes of [${Show<S>}]`

/** S with the axis F at position T. */
export type Moved<S extends Shape, F extends number, T extends number> =
  IsWide<S> extends true
    ? Shape
    : number extends NormAxis<S, F> | NormAxis<S, T>
      ? AnyDims<S>
      : Expanded<Reduced<S, F, false>, T, AxisOf<S, F>>

/** A literal target of reshape: -1 is a dimension that only run time knows. */
export type Reshaped<T extends readonly number[]> = { readonly [I in keyof T]: T[I] extends -1 ? Dim : T[I] }

/** One axis of `index`: a position (its axis vanishes), a range [start, stop) or [start, stop, step], or null for all. */
export type IndexItem = number | readonly [number, number] | readonly [number, number, number] | null

/** The shape that `index` gives. */
export type Indexed<S extends Shape, X extends readonly IndexItem[]> =
  IsWide<S> extends true
    ? Shape
    : number extends X['length']
      ? Shape
      : X extends readonly [infer I, ...infer XR extends readonly IndexItem[]]
        ? S extends readonly [infer H extends Dim, ...infer T extends Shape]
          ? [I] extends [number]
            ? Indexed<T, XR>
            : readonly [[I] extends [null] ? H : Dim, ...Indexed<T, XR>]
          : Shape
        : readonly [...S]
