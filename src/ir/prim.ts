import type { DType, HostArray } from './dtype.ts'
import type { Attrs, TensorType } from './graph.ts'
import type { Ops } from './ops-interface.ts'
import type { Tensor } from './tensor.ts'

/**
 * One primitive, one record. Passes, code generation, batching and fusion switch on the `kind`, never on the name.
 *
 * - elementwise: out[i] = f(in0[i], in1[i], ...), all shapes equal
 * - constant:    out[i] = f(i), no inputs
 * - view:        out[i] = in[affine(i)], one input
 * - reshape:     out[i] = in[i] in row-major order
 * - piecewise:   out[i] = one of the inputs, by where i lies (pad, concat)
 * - index:       out[i] = in[j], j read from an integer input (gather, dynamicSlice)
 * - random:      out[i] = hash(key, i)
 * - reduce:      a monoid folded over axes
 * - contract:    batched dot product
 * - attention:   softmax over keys, one query at a time, and its derivatives: a nested graph with what fusing it needs
 * - cumulative:  a running sum along one axis
 * - update:      a copy of input 0 with a part rewritten (scatterAdd, dynamicUpdateSlice)
 * - customVjp:   a nested graph with a backward graph of its own
 * - checkpoint:  a nested graph whose values are computed again for the backward pass
 * - loop:        a nested graph repeated (scan)
 *
 * The last three, and attention, hold graphs in their attrs; their derivatives and batching are transformations of those
 * graphs, and so live in src/autodiff, by kind.
 */
export type Kind = Prim['kind']

export interface VjpRule<A> {
  readonly o: Ops
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  readonly attrs: A
  /** Cotangent of each output; null is zero. At least one is not null. */
  readonly cts: readonly (Tensor | null)[]
  /** Which inputs a cotangent is wanted for; a rule may return null for the others. */
  readonly wanted: readonly boolean[]
}

export interface JvpRule<A> {
  readonly o: Ops
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  readonly attrs: A
  /** Tangent of each input; null is zero. At least one is not null. */
  readonly tangents: readonly (Tensor | null)[]
}

export interface BatchRule<A> {
  readonly o: Ops
  /** Batched inputs carry the batch in axis 0. */
  readonly inputs: readonly Tensor[]
  readonly batched: readonly boolean[]
  readonly attrs: A
  readonly size: number
}

interface PrimBase<A extends Attrs> {
  readonly name: string
  /** Types of the outputs. @throws ShapeError, DTypeError */
  infer(inputs: readonly TensorType[], attrs: A): readonly TensorType[]
  /** The reference: values of the outputs, given those of the inputs. */
  evaluate(inputs: readonly HostArray[], attrs: A, outputs: readonly TensorType[]): readonly HostArray[]
  /** Cotangents of the inputs. Absent: not differentiable (integer or boolean results). */
  vjp?(rule: VjpRule<A>): readonly (Tensor | null)[]
  /** Tangents of the outputs. */
  jvp?(rule: JvpRule<A>): readonly (Tensor | null)[]
  /** Outputs with the batch in axis 0. Absent only where the kind has a rule in src/autodiff. */
  batch?(rule: BatchRule<A>): readonly Tensor[]
}

/** Of one evaluation of an elementwise primitive, in whatever language. */
export interface ElementTypes {
  readonly inputs: readonly DType[]
  readonly output: DType
}

/**
 * What elementwise primitives come down to in a target that does several elements at a time; each primitive says which
 * of these it is. X stands for an operand in the target's code, and R for a result; their dtypes are known to it.
 */
export interface ElementOps<X, R>
  extends Record<
      'add' | 'sub' | 'mul' | 'div' | 'rem' | 'pow' | 'max' | 'min' | 'and' | 'or' | 'xor' | 'shl' | 'shr',
      (a: X, b: X) => R
    >,
    Record<'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge', (a: X, b: X) => R>,
    Record<'neg' | 'abs' | 'sign' | 'floor' | 'ceil' | 'round' | 'not' | 'same' | 'cast', (x: X) => R>,
    Record<'exp' | 'log' | 'sqrt' | 'rsqrt' | 'sin' | 'cos' | 'tanh' | 'sigmoid' | 'erf', (x: X) => R> {
  select(condition: X, a: X, b: X): R
}

export interface ElementwisePrim<A extends Attrs = Attrs> extends PrimBase<A> {
  readonly kind: 'elementwise'
  readonly arity: number
  /** Rough cost of one evaluation, in multiply-adds; decides what may be computed twice. */
  readonly cost: number
  /** The reference on numbers. */
  scalar(args: readonly number[], types: ElementTypes): number
  /** Calls the operation that it is, of a target that computes several elements at a time. */
  apply<X, R>(ops: ElementOps<X, R>, args: readonly X[]): R
  wgsl(args: readonly string[], types: ElementTypes): string
  /** WGSL functions that `wgsl` calls. */
  readonly wgslHelper?: string
  /** What it is to algebra, if it is one of these. */
  readonly arithmetic?: 'sum' | 'product'
  /** Is the result the operand's own number, in another dtype that holds it exactly? Never unless said. */
  readonly isExact?: (from: DType, to: DType) => boolean
}

/** Input index along one input axis: start + step * (output index along `from`), or just start. */
export interface AxisMap {
  readonly start: number
  readonly step: number
  readonly from: number | null
}

export interface ViewPrim<A extends Attrs = Attrs> extends PrimBase<A> {
  readonly kind: 'view'
  /** One map per axis of the input. */
  axisMaps(input: TensorType, attrs: A): readonly AxisMap[]
}

export type MonoidName = 'sum' | 'max' | 'min'
export interface ReducePrim<A extends Attrs = Attrs> extends PrimBase<A> {
  readonly kind: 'reduce'
  readonly monoid: MonoidName
}

/** Where one input of a piecewise primitive lies in the output: at low, low + step, ... along every axis. */
export interface Piece {
  readonly input: number
  readonly low: readonly number[]
  readonly step: readonly number[]
}

export interface PiecewisePrim<A extends Attrs = Attrs> extends PrimBase<A> {
  readonly kind: 'piecewise'
  pieces(inputs: readonly TensorType[], attrs: A): readonly Piece[]
  /** The value where no piece lies. */
  fill(attrs: A): number
}

/** An element of a constant: one value everywhere, the index along an axis, or an array written in the graph. */
export type ConstantElement =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'axis'; readonly axis: number }
  | { readonly kind: 'array'; readonly data: HostArray }

export interface ConstantPrim<A extends Attrs = Attrs> extends PrimBase<A> {
  readonly kind: 'constant'
  element(attrs: A): ConstantElement
}

/** Arithmetic on indices, over whatever stands for one: a number in the evaluator, an expression in a kernel. */
export interface IndexMath<E> {
  constant(n: number): E
  add(a: E, b: E): E
  /** Size of an axis of an input. */
  size(input: number, axis: number): E
  /** How far a window of `extent` can move along an axis of an input: size - extent. */
  room(input: number, axis: number, extent: number): E
  clamp(i: E, low: E, high: E): E
  /** The element of an integer input at an index. */
  lookup(input: number, index: readonly E[]): E
}

export interface IndexPrim<A extends Attrs = Attrs> extends PrimBase<A> {
  readonly kind: 'index'
  /** Index into input 0 for an index of the output. */
  locate<E>(math: IndexMath<E>, index: readonly E[], inputs: readonly TensorType[], attrs: A): readonly E[]
}

export interface UpdatePrim<A extends Attrs = Attrs> extends PrimBase<A> {
  readonly kind: 'update'
  readonly combine: 'set' | 'add'
  /** Which input holds the updates. */
  readonly updates: number
  /** Index into input 0 (and the output) for an index of the updates. */
  target<E>(math: IndexMath<E>, index: readonly E[], inputs: readonly TensorType[], attrs: A): readonly E[]
  /** Axes of the updates along which two elements may have one target. */
  collidingAxes(inputs: readonly TensorType[], attrs: A): readonly number[]
}

/** What a kernel of attention computes: the output with what its derivatives need, or some of those. */
export type AttentionPass = 'forward' | 'queries' | 'keysAndValues'

export interface AttentionPrim<A extends Attrs = Attrs> extends PrimBase<A> {
  readonly kind: 'attention'
  readonly pass: AttentionPass
}

export interface PlainPrim<A extends Attrs = Attrs> extends PrimBase<A> {
  readonly kind: 'reshape' | 'random' | 'contract' | 'cumulative' | 'customVjp' | 'checkpoint' | 'loop'
}

export type Prim<A extends Attrs = Attrs> =
  | ElementwisePrim<A>
  | ViewPrim<A>
  | ReducePrim<A>
  | PiecewisePrim<A>
  | ConstantPrim<A>
  | IndexPrim<A>
  | UpdatePrim<A>
  | AttentionPrim<A>
  | PlainPrim<A>

const registry = new Map<string, Prim>()

/** Registers a primitive under its name. */
export function definePrim<P extends Prim<never>>(prim: P): P {
  if (registry.has(prim.name)) throw new Error(`primitive ${prim.name} is defined twice`)
  registry.set(prim.name, prim as unknown as Prim)
  return prim
}

export const findPrim = (name: string): Prim | undefined => registry.get(name)
export const allPrims = (): readonly Prim[] => [...registry.values()]
