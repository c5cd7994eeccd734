import type { AnyDims, Dim, IsWide, Shape, ShapeMismatch, Show } from '../types.ts'

/** Literal axes in types: -1 is the last. An axis of type `number` is not known, and gives wide results. */
export type Axes = number | readonly number[]

/** The axis K from the end of S as an index from the start. */
type FromEnd<S extends readonly unknown[], K extends string> = K extends '1'
  ? S extends readonly [unknown, ...infer R]
    ? R['length']
    : 'out'
  : K extends '2'
    ? S extends readonly [unknown, unknown, ...infer R]
      ? R['length']
      : 'out'
    : K extends '3'
      ? S extends readonly [unknown, unknown, unknown, ...infer R]
        ? R['length']
        : 'out'
      : K extends '4'
        ? S extends readonly [unknown, unknown, unknown, unknown, ...infer R]
          ? R['length']
          : 'out'
        : K extends '5'
          ? S extends readonly [unknown, unknown, unknown, unknown, unknown, ...infer R]
            ? R['length']
            : 'out'
          : K extends '6'
            ? S extends readonly [unknown, unknown, unknown, unknown, unknown, unknown, ...infer R]
              ? R['length']
              : 'out'
            : number

/** Axes as indices from the start; 'out' if out of range, `number` if not known. Distributes over a union. */
export type NormAxis<S extends readonly unknown[], A extends number> = A extends number
  ? number extends A
    ? number
    : `${A}` extends `-${infer K}`
      ? FromEnd<S, K>
      : `${A}` extends keyof S
        ? A
        : 'out'
  : never

/** The axes of a literal argument, normalised, as a union; `number` if not known. */
export type NormAxes<S extends readonly unknown[], X> = X extends number
  ? NormAxis<S, X>
  : X extends readonly number[]
    ? NormAxis<S, X[number]>
    : number

export type ShowAxes<X> = X extends number
  ? `axis ${X} is`
  : X extends readonly [infer H extends number, ...infer T extends readonly number[]]
    ? `axes ${H}${ShowRest<T>} are`
    : 'axis is'
type ShowRest<T extends readonly number[]> = T extends readonly [
  infer H extends number,
  ...infer R extends readonly number[],
]
  ? `, ${H}${ShowRest<R>}`
  : ''

/** Unknown if every literal axis of X lies within S; otherwise the message. */
export type AxesCheck<Op extends string, S extends Shape, X> =
  IsWide<S> extends true
    ? unknown
    : 'out' extends NormAxes<S, X>
      ? ShapeMismatch<`${Op}: ${ShowAxes<X>} out of range for [${Show<S>}]`>
      : unknown

/** S without the axes U, or with size 1 there if K. */
type Without<S extends Shape, U, K extends boolean, Seen extends readonly unknown[] = []> = S extends readonly [
  infer H extends Dim,
  ...infer T extends Shape,
]
  ? Seen['length'] extends U
    ? K extends true
      ? readonly [1, ...Without<T, U, K, [...Seen, H]>]
      : Without<T, U, K, [...Seen, H]>
    : readonly [H, ...Without<T, U, K, [...Seen, H]>]
  : readonly []

/** The shape of a reduction of S over X (undefined: all axes). */
export type Reduced<S extends Shape, X, K extends boolean> = [X] extends [undefined]
  ? K extends true
    ? { readonly [I in keyof S]: 1 }
    : readonly []
  : IsWide<S> extends true
    ? Shape
    : boolean extends K
      ? Shape
      : [undefined] extends [X]
        ? Shape
        : number extends NormAxes<S, X>
          ? Shape
          : Without<S, NormAxes<S, X>, K>

/** S with D on the axis A; wide where the axis is not known. */
export type ReplaceAxis<S extends Shape, A extends number, D extends Dim> =
  IsWide<S> extends true
    ? Shape
    : number extends NormAxis<S, A>
      ? AnyDims<S>
      : { readonly [I in keyof S]: I extends `${NormAxis<S, A>}` ? D : S[I] }

/** S with the dimensions I in place of the axis A. */
export type InsertAt<S extends Shape, A extends number, I extends Shape> =
  IsWide<S> extends true
    ? Shape
    : IsWide<I> extends true
      ? Shape
      : number extends NormAxis<S, A>
        ? Shape
        : Spliced<S, NormAxis<S, A>, I>
type Spliced<S extends Shape, N, I extends Shape, Seen extends Shape = readonly []> = S extends readonly [
  infer H extends Dim,
  ...infer T extends Shape,
]
  ? Seen['length'] extends N
    ? readonly [...Seen, ...I, ...T]
    : Spliced<T, N, I, readonly [...Seen, H]>
  : Shape
