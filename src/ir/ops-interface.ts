import type { DType } from './dtype.ts'
import type { Attrs } from './graph.ts'
import type { Prim } from './prim.ts'
import type { Tensor } from './tensor.ts'

export type Operand = Tensor | number
type Unary = (x: Tensor) => Tensor
type Binary = (a: Operand, b: Operand) => Tensor
type Reduction = (x: Tensor, axes?: number | readonly number[], keepDims?: boolean) => Tensor
type Sizes = readonly number[]

export interface DotAxes {
  readonly lhsContract: Sizes
  readonly rhsContract: Sizes
  readonly lhsBatch: Sizes
  readonly rhsBatch: Sizes
}

/** `batch` leading axes are shared by tensor and indices; `axis` is the one indexed. */
export interface GatherAxes {
  readonly axis: number
  readonly batch: number
}

/**
 * The operations as the rules of primitives, the transformations and the passes see them: shapes checked when
 * traced, not in the type. Users see the same functions with typed shapes in ops.ts.
 */
export interface Ops {
  neg: Unary
  abs: Unary
  sign: Unary
  floor: Unary
  ceil: Unary
  round: Unary
  exp: Unary
  log: Unary
  sqrt: Unary
  rsqrt: Unary
  sin: Unary
  cos: Unary
  tanh: Unary
  erf: Unary
  sigmoid: Unary
  not: Unary
  stopGradient: Unary
  /** The identity, which no pass may merge or move across: keeps recomputation from being undone. */
  barrier: Unary
  cast(x: Tensor, dtype: DType): Tensor
  add: Binary
  sub: Binary
  mul: Binary
  div: Binary
  pow: Binary
  rem: Binary
  maximum: Binary
  minimum: Binary
  and: Binary
  or: Binary
  xor: Binary
  shiftLeft: Binary
  shiftRight: Binary
  eq: Binary
  ne: Binary
  lt: Binary
  le: Binary
  gt: Binary
  ge: Binary
  where(condition: Tensor, a: Operand, b: Operand): Tensor
  sum: Reduction
  max: Reduction
  min: Reduction
  cumsum(x: Tensor, axis: number, reverse?: boolean): Tensor
  dot(a: Tensor, b: Tensor, axes: DotAxes): Tensor
  reshape(x: Tensor, shape: Sizes): Tensor
  transpose(x: Tensor, perm?: Sizes): Tensor
  moveAxis(x: Tensor, from: number, to: number): Tensor
  expandDims(x: Tensor, axes: number | Sizes): Tensor
  squeeze(x: Tensor, axes: number | Sizes): Tensor
  broadcastTo(x: Tensor, shape: Sizes): Tensor
  /** Axis i of x becomes axis dims[i] of the result; the others are new. */
  broadcastInDim(x: Tensor, shape: Sizes, dims: Sizes): Tensor
  slice(x: Tensor, starts: Sizes, stops: Sizes, steps?: Sizes): Tensor
  flip(x: Tensor, axes: number | Sizes): Tensor
  pad(x: Tensor, low: Sizes, high: Sizes, options?: { value?: number; interior?: Sizes }): Tensor
  concat(xs: readonly Tensor[], axis: number): Tensor
  gather(x: Tensor, indices: Tensor, axes: GatherAxes): Tensor
  scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, axes: GatherAxes): Tensor
  dynamicSlice(x: Tensor, starts: Tensor, sizes: Sizes): Tensor
  dynamicUpdateSlice(x: Tensor, update: Tensor, starts: Tensor): Tensor
  full(dtype: DType, shape: Sizes, value: number): Tensor
  zerosLike(x: Tensor): Tensor
  iota(dtype: DType, shape: Sizes, axis: number): Tensor
  randomBits(key: Tensor, shape: Sizes): Tensor
  /** Applies a primitive as it is: no broadcasting, no conversion. */
  bind(prim: Prim, inputs: readonly Tensor[], attrs: Attrs): Tensor[]
}
