import type { Tensor } from '../ir/tensor.ts'
import type { Weight } from './weight.ts'

/** How a parameter starts when it is not read from a checkpoint. */
export type Init =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly std: number }
  /** Uniform in [-bound, bound). */
  | { readonly kind: 'uniform'; readonly bound: number }
  /** Values that a formula gives: a table of positions. */
  | { readonly kind: 'fixed'; readonly values: () => Float32Array }

export const zeros: Init = { kind: 'constant', value: 0 }
export const ones: Init = { kind: 'constant', value: 1 }
export const normal = (std: number): Init => ({ kind: 'normal', std })
export const uniform = (bound: number): Init => ({ kind: 'uniform', bound })
export const fixed = (values: () => Float32Array): Init => ({ kind: 'fixed', values })

/** One parameter before it exists: what a checkpoint must hold, and how to start without one. */
export interface ParamSpec {
  readonly kind: 'param'
  readonly shape: readonly number[]
  readonly init: Init
}

/** A parameter [O,I] that its model uses only through `linear` and `embedding`, so that it may be any `Weight`. */
export interface MatrixSpec extends ParamSpec {
  readonly shape: readonly [O: number, I: number]
  readonly role: 'matrix'
  /** Whether rows of it are looked up: `embedding`, not `linear` (but for an output layer that is tied to it). */
  readonly table?: true
}

/**
 * A model's parameters before they exist. The nesting gives the names: {model: {layers: [{norm: {weight}}]}} is
 * `model.layers.0.norm.weight`, as in Hugging Face checkpoints.
 */
export type SpecTree = ParamSpec | readonly SpecTree[] | { readonly [name: string]: SpecTree }

/** The parameters that a spec describes: the same nesting around tensors. */
export type ParamsOf<T> = T extends ParamSpec ? Tensor : { readonly [K in keyof T]: ParamsOf<T[K]> }

/** The same where each matrix may also be quantised, split or adapted: what the functions of a model take. */
export type WeightsOf<T> = T extends MatrixSpec
  ? Weight
  : T extends ParamSpec
    ? Tensor
    : { readonly [K in keyof T]: WeightsOf<T[K]> }

export const matrix = (O: number, I: number, init: Init): MatrixSpec => ({
  kind: 'param',
  role: 'matrix',
  shape: [O, I],
  init,
})

/** A matrix [V,D] whose rows are looked up. */
export const table = (V: number, D: number, init: Init): MatrixSpec => ({ ...matrix(V, D, init), table: true })

export const param = (shape: readonly number[], init: Init): ParamSpec => ({ kind: 'param', shape, init })

export const isMatrixSpec = (spec: ParamSpec): spec is MatrixSpec => 'role' in spec && spec.role === 'matrix'

export const isParamSpec = (x: unknown): x is ParamSpec =>
  typeof x === 'object' && x !== null && 'kind' in x && x.kind === 'param' && 'init' in x
