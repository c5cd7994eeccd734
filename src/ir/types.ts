/**
 * Shapes in types. A dimension is a literal size, a name ('B'), or anything (`_`); the trace-time rules are the
 * authority, and TypeScript tells early what it can. Checks sit on the offending argument, so that the editor
 * underlines it and shows a sentence. A wide type (`Tensor`, or a shape of unknown rank) passes every check and gives
 * wide results.
 */
export type Dim = number | string
/** A dimension of any size. */
export type _ = Dim
export type Shape = readonly Dim[]

/** At run time a shape is numbers, of a rank the type may know. */
export type ShapeOf<S extends Shape> = { readonly [I in keyof S]: number }

declare const shapeMismatch: unique symbol
/** The type an argument would need when its shape does not fit; no tensor has it, so the message shows. */
export interface ShapeMismatch<Message extends string> {
  readonly [shapeMismatch]: Message
}

declare const dtypeMismatch: unique symbol
/** The type an argument would need when its dtype does not fit. */
export interface DTypeMismatch<Message extends string> {
  readonly [dtypeMismatch]: Message
}

/** True of a dimension that is one literal. */
export type Known<A extends Dim> = number extends A ? false : string extends A ? false : true
/** False only where two literal dimensions certainly differ; a name differs from a size and from other names. */
export type Agree<A extends Dim, B extends Dim> =
  Known<A> extends false ? true : Known<B> extends false ? true : [A] extends [B] ? true : false

/** True of a shape whose rank the type does not know. */
export type IsWide<S extends Shape> = number extends S['length'] ? true : false
/** The rank of S, every dimension unknown. */
export type AnyDims<S extends Shape> = { readonly [I in keyof S]: Dim }

type ShowDim<D extends Dim> = Known<D> extends true ? `${D}` : '_'
/** The dimensions of a shape as text, for messages: `B,T,64`. */
export type Show<S extends Shape> =
  IsWide<S> extends true
    ? '...'
    : S extends readonly [infer H extends Dim, ...infer T extends Shape]
      ? T extends readonly []
        ? ShowDim<H>
        : `${ShowDim<H>},${Show<T>}`
      : ''
