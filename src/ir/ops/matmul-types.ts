import type { DType } from '../dtype.ts'
import type { Agree, Dim, DTypeMismatch, IsWide, Shape, ShapeMismatch, Show } from '../types.ts'
import type { Broadcast, Clash } from './broadcast-types.ts'

/** The shape of matmul(a, b), with NumPy's rules for vectors and leading axes. */
export type MatmulShape<A extends Shape, B extends Shape> =
  IsWide<A> extends true
    ? Shape
    : IsWide<B> extends true
      ? Shape
      : A extends readonly [...infer LA extends Shape, infer M extends Dim, Dim]
        ? B extends readonly [...infer LB extends Shape, Dim, infer N extends Dim]
          ? readonly [...Broadcast<LA, LB>, M, N]
          : readonly [...LA, M]
        : B extends readonly [...infer LB extends Shape, Dim, infer N extends Dim]
          ? readonly [...LB, N]
          : readonly []

type LastDim<S extends Shape> = S extends readonly [...Shape, infer K extends Dim] ? K : Dim
type InnerDim<S extends Shape> = S extends readonly [...Shape, infer K extends Dim, Dim] ? K : LastDim<S>
type Leading<S extends Shape> = S extends readonly [...infer L extends Shape, Dim, Dim] ? L : readonly []
type Both<A extends Shape, B extends Shape> = `[${Show<A>}] x [${Show<B>}]`

/** Unknown if a and b fit; otherwise the message. */
export type MatmulCheck<A extends Shape, DA extends DType, B extends Shape, DB extends DType> = [DA & DB] extends [
  never,
]
  ? DTypeMismatch<`matmul: operands differ in dtype: ${DA} and ${DB}`>
  : Agree<LastDim<A>, InnerDim<B>> extends true
    ? [Clash<Leading<A>, Leading<B>>] extends [never]
      ? unknown
      : ShapeMismatch<`matmul: ${Both<A, B>} - leading dims ${Clash<Leading<A>, Leading<B>>}`>
    : ShapeMismatch<`matmul: ${Both<A, B>} - inner dims ${LastDim<A>} and ${InnerDim<B>} differ`>
