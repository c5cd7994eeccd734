import { type Spec, spec } from '../ir/ops/spec.ts'
import { flattenNames } from '../models/names.ts'
import { inPieces } from '../models/split.ts'
import { isMatrixSpec, isParamSpec, type ParamSpec, type SpecTree } from '../nn/param.ts'
import { flatten } from '../util/tree.ts'

/** How a model's weights are kept. */
export const PRECISIONS = ['f32', 'f16', 'int8', 'int4'] as const
export type Precision = (typeof PRECISIONS)[number]

/** What is computed in. Integers are read as f16. */
export const computeType = (precision: Precision): 'f32' | 'f16' => (precision === 'f32' ? 'f32' : 'f16')

/** How one parameter is kept. */
export interface Store {
  readonly precision: Precision
  /** Rank of an adapter beside it, in f32. */
  readonly adapter?: number | undefined
}

export interface WeightOptions {
  /** Weights that share a scale. */
  readonly group: number
  /** Bytes of the largest buffer: matrices that are larger are split by rows. */
  readonly limit: number
  /** For a parameter by name: `lang_decoder.model.layers.0.mlp.up_proj.weight`. */
  readonly store: (name: string, leaf: ParamSpec) => Store
}

/** A tree of tensors that do not exist: what a model's functions are traced for. */
export type WeightSpecs = Spec | { readonly [part: string]: WeightSpecs } | readonly WeightSpecs[]

/**
 * The parameters of a model as they would lie on a device: quantised where their width is a multiple of the group, in
 * pieces where they are larger than the limit. Nothing is allocated.
 */
export function weightSpecs(tree: SpecTree, options: WeightOptions): WeightSpecs {
  const leaves = [...flattenNames(tree, isParamSpec)].map(([name, leaf]) =>
    specOf(leaf, options.store(name, leaf), options),
  )
  return flatten(tree, isParamSpec).rebuild(leaves) as WeightSpecs // a tree of trees is a tree
}

function specOf(leaf: ParamSpec, { precision, adapter }: Store, options: WeightOptions): WeightSpecs {
  if (!isMatrixSpec(leaf)) return spec(leaf.shape, computeType(precision))
  const base = matrixSpec(leaf.shape, precision, options)
  if (adapter === undefined) return base
  const [O, I] = leaf.shape
  return { base, down: spec([adapter, I]), up: spec([O, adapter]), scale: spec([]) }
}

/**
 * The parameter that a tensor is part of: `layers[0].up.weight.parts[1].int4` is of `layers.0.up.weight`.
 */
export const parameterOf = (path: string): string =>
  path.replace(/\[(\d+)\]/g, '.$1').replace(/(\.base)?(\.parts\.\d+)?(\.(int4|int8|scales|down|up|scale))?$/, '')

/** Bits of an integer, where a matrix of width I is kept as such: its groups must be whole, and whole words. */
function quantisedBits(I: number, precision: Precision, group: number): 4 | 8 | null {
  if (precision === 'f32' || precision === 'f16') return null
  const bits = precision === 'int4' ? 4 : 8
  return I % group === 0 && group % (32 / bits) === 0 ? bits : null
}

function matrixSpec(
  shape: readonly [O: number, I: number],
  precision: Precision,
  { group, limit }: WeightOptions,
): WeightSpecs {
  const [, I] = shape
  const bits = quantisedBits(I, precision, group)
  return inPieces<WeightSpecs>(shape, bytesPerRow(I, precision, group), limit, ({ from, to }) => {
    const rows = to - from
    if (bits === null) return spec([rows, I], computeType(precision))
    const scales = spec([rows, I / group], 'f16')
    const packed = spec([rows, (I * bits) / 32], 'i32')
    return bits === 4 ? { int4: packed, scales } : { int8: packed, scales }
  })
}

/** Bytes of a row of I weights, in the largest of the buffers that hold them. */
export function bytesPerRow(I: number, precision: Precision, group: number): number {
  const bits = quantisedBits(I, precision, group)
  if (bits === null) return I * (computeType(precision) === 'f16' ? 2 : 4)
  return Math.max((I * bits) / 8, (2 * I) / group)
}
