import type { FloatDType } from '../ir/dtype.ts'
import { type Spec, spec } from '../ir/ops/spec.ts'
import { formatShape } from '../ir/shape.ts'
import { flattenNames } from '../models/names.ts'
import { inPieces } from '../models/split.ts'
import { bytesPerRow, GROUP, type Precision } from '../models/storage.ts'
import { isMatrixSpec, isParamSpec, type MatrixSpec, type ParamSpec, type SpecTree } from '../nn/param.ts'
import { flatten } from '../util/tree.ts'

/** What is computed in. Integers are read as f16. */
export const computeType = (precision: Precision): 'f32' | 'f16' => (precision === 'f32' ? 'f32' : 'f16')

/** How one parameter is kept. */
export interface Store {
  readonly precision: Precision
  /** Rank of an adapter beside it, in f32. */
  readonly adapter?: number | undefined
}

export interface WeightOptions {
  /** What the model computes in, which is what rows of its tables come in. */
  readonly compute: FloatDType
  /** Bytes of the largest buffer: matrices that are larger are split by rows. */
  readonly limit: number
  /** For a parameter by name: `lang_decoder.model.layers.0.mlp.up_proj.weight`. Only matrices can be integers. */
  readonly store: (name: string, leaf: ParamSpec) => Store
}

/** A tree of tensors that do not exist: what a model's functions are traced for. */
export type WeightSpecs = Spec | { readonly [part: string]: WeightSpecs } | readonly WeightSpecs[]

/**
 * The parameters of a model as `loadModel` would put them on a device: matrices in pieces where they are larger than the
 * limit. Nothing is allocated.
 */
export function weightSpecs(tree: SpecTree, options: WeightOptions): WeightSpecs {
  const leaves = [...flattenNames(tree, isParamSpec)].map(([name, leaf]) =>
    specOf(leaf, options.store(name, leaf), options),
  )
  return flatten(tree, isParamSpec).rebuild(leaves) as WeightSpecs // a tree of trees is a tree
}

function specOf(leaf: ParamSpec, { precision, adapter }: Store, options: WeightOptions): WeightSpecs {
  if (isMatrixSpec(leaf)) {
    const base = matrixSpec(leaf, precision, options)
    if (adapter === undefined) return base
    const [O, I] = leaf.shape
    return { base, down: spec([adapter, I]), up: spec([O, adapter]), scale: spec([]) }
  }
  if (precision === 'f32' || precision === 'f16') return spec(leaf.shape, precision)
  throw new Error(`a parameter ${formatShape(leaf.shape)} that is no matrix as ${precision}`)
}

/**
 * The parameter that a tensor is part of: `layers[0].up.weight.parts[1].int4` is of `layers.0.up.weight`.
 */
export const parameterOf = (path: string): string =>
  path.replace(/\[(\d+)\]/g, '.$1').replace(/(\.base)?(\.parts\.\d+)?(\.(int4|int8|scales|down|up|scale))?$/, '')

/** Scales are rounded to what f16 can hold; those of tables come in what is computed in. */
function matrixSpec(
  { shape, table }: MatrixSpec,
  precision: Precision,
  { compute, limit }: WeightOptions,
): WeightSpecs {
  const [, I] = shape
  return inPieces<WeightSpecs>(shape, bytesPerRow(I, precision), limit, ({ from, to }) => {
    const rows = to - from
    if (precision === 'f32' || precision === 'f16') return spec([rows, I], precision)
    const scales = spec([rows, I / GROUP], table ? compute : 'f16')
    return precision === 'int4'
      ? { int4: spec([rows, I / 8], 'i32'), scales }
      : { int8: spec([rows, I / 4], 'i32'), scales }
  })
}
