import type { DType } from '../dtype.ts'
import type { Tensor } from '../tensor.ts'
import type { Agree, Dim, DTypeMismatch, IsWide, Known, Shape, ShapeMismatch, Show } from '../types.ts'

/** Literal einsum equations read in types: 'b i k, b k j -> b i j', or 'bik,bkj->bij'. */
type Labels = readonly string[]
type Trim<T extends string> = T extends ` ${infer R}` ? Trim<R> : T extends `${infer R} ` ? Trim<R> : T
type Terms<T extends string> = T extends `${infer H},${infer R}` ? readonly [Trim<H>, ...Terms<R>] : readonly [Trim<T>]
type Words<T extends string> = T extends ''
  ? readonly []
  : T extends `${infer H} ${infer R}`
    ? readonly [H, ...Words<Trim<R>>]
    : readonly [T]
type Letters<T extends string> = T extends `${infer H}${infer R}` ? readonly [H, ...Letters<R>] : readonly []
type Names<T extends string, Spaced extends boolean> = Spaced extends true ? Words<T> : Letters<T>
type HasSpace<T extends string> = [Extract<T, `${string} ${string}`>] extends [never] ? false : true

type Parse<Inputs extends Labels, Output extends string, Spaced extends boolean> = {
  readonly inputs: { readonly [I in keyof Inputs]: Names<Inputs[I], Spaced> }
  readonly output: Names<Output, Spaced>
}
type Parsed<P extends string> = P extends `${infer L}->${infer R}`
  ? Parse<Terms<L>, Trim<R>, HasSpace<Terms<L>[number] | Trim<R>>>
  : never

/** Dimension of each label of one operand. */
type Bind<L extends Labels, S extends Shape> = L extends readonly [infer H extends string, ...infer LR extends Labels]
  ? S extends readonly [infer D extends Dim, ...infer SR extends Shape]
    ? { readonly [K in H]: D } & Bind<LR, SR>
    : unknown
  : unknown

type Prefer<A, B> = A extends Dim ? (Known<A> extends true ? A : B) : B
type Merge<A, B> = {
  readonly [K in keyof A | keyof B]: K extends keyof A
    ? K extends keyof B
      ? Prefer<A[K], B[K]>
      : A[K]
    : B[K & keyof B]
}
/** Dimension of each label over the first operands, as many as `Inputs` has terms. */
type Env<Inputs extends readonly Labels[], T extends readonly unknown[], Done = unknown> = Inputs extends readonly [
  infer L extends Labels,
  ...infer LR extends readonly Labels[],
]
  ? T extends readonly [Tensor<infer S>, ...infer TR]
    ? Env<LR, TR, Merge<Done, Bind<L, S>>>
    : Done
  : Done

/** The type of einsum's result: its known dimensions, and the operands' common dtype. */
export type EinsumResult<P extends string, T extends readonly Tensor[]> = string extends P
  ? Tensor<Shape, CommonDType<T>>
  : Tensor<ResultShape<Parsed<P>['output'], Env<Parsed<P>['inputs'], T>>, CommonDType<T>>
type ResultShape<Out, E> = Out extends Labels
  ? { readonly [I in keyof Out]: Out[I] extends keyof E ? E[Out[I]] & Dim : Dim }
  : Shape
type CommonDType<T extends readonly Tensor[]> = T extends readonly [Tensor<Shape, infer D>, ...infer R]
  ? R extends readonly [Tensor<Shape, infer E>, ...unknown[]]
    ? D & E
    : D
  : DType

/** Unknown if the equation has a result and a term for each operand; otherwise the message. */
export type EquationCheck<P extends string, T extends readonly unknown[]> = string extends P
  ? unknown
  : [Parsed<P>] extends [never]
    ? ShapeMismatch<`einsum: '${P}' has no '->'`>
    : number extends T['length']
      ? unknown
      : Parsed<P>['inputs']['length'] extends T['length']
        ? UnknownLabels<Parsed<P>> extends infer L extends string
          ? [L] extends [never]
            ? unknown
            : ShapeMismatch<`einsum: '${L}' of the result is in no operand of '${P}'`>
          : unknown
        : ShapeMismatch<`einsum: '${P}' has ${Parsed<P>['inputs']['length'] & number} terms for ${T['length']} operands`>
type UnknownLabels<E extends { readonly inputs: readonly Labels[]; readonly output: Labels }> = Exclude<
  E['output'][number],
  E['inputs'][number][number]
>

/** Unknown if operand I fits its term and the operands before it; otherwise the message. */
export type OperandCheck<P extends string, T extends readonly unknown[], I> = string extends P
  ? unknown
  : [Parsed<P>] extends [never]
    ? unknown
    : I extends keyof T & keyof Parsed<P>['inputs']
      ? T[I] extends Tensor<infer S, infer D>
        ? TermCheck<Parsed<P>['inputs'][I], S, D, T, Before<Parsed<P>['inputs'], I>>
        : unknown
      : unknown

/** The terms before the one at index I. */
type Before<
  Inputs extends readonly Labels[],
  I,
  Done extends readonly Labels[] = readonly [],
> = Inputs extends readonly [infer H extends Labels, ...infer R extends readonly Labels[]]
  ? `${Done['length']}` extends I
    ? Done
    : Before<R, I, readonly [...Done, H]>
  : Done

type TermCheck<L, S extends Shape, D extends DType, T extends readonly unknown[], Earlier extends readonly Labels[]> = [
  D & FirstDType<T>,
] extends [never]
  ? DTypeMismatch<`einsum: operands differ in dtype: ${FirstDType<T>} and ${D}`>
  : IsWide<S> extends true
    ? unknown
    : L extends Labels
      ? L['length'] extends S['length']
        ? LabelClash<L, S, Env<Earlier, T>> extends infer M extends string
          ? [M] extends [never]
            ? unknown
            : ShapeMismatch<`einsum: ${M} in [${Show<S>}]`>
          : unknown
        : ShapeMismatch<`einsum: [${Show<S>}] has ${S['length']} dims, its term has ${L['length']} indices`>
      : unknown
type FirstDType<T extends readonly unknown[]> = T extends readonly [Tensor<Shape, infer D>, ...unknown[]] ? D : DType

type LabelClash<L extends Labels, S extends Shape, E> = L extends readonly [
  infer H extends string,
  ...infer LR extends Labels,
]
  ? S extends readonly [infer D extends Dim, ...infer SR extends Shape]
    ? H extends keyof E
      ? Agree<E[H] & Dim, D> extends true
        ? LabelClash<LR, SR, E>
        : `index ${H} is ${E[H] & Dim} before and ${D}`
      : LabelClash<LR, SR, E>
    : never
  : never
