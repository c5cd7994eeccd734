import type { FloatDType } from '../ir/dtype.ts'
import { isMatrixSpec, type ParamSpec } from '../nn/param.ts'

/** What a parameter is kept as on a device: floats, or integers of 8 or 4 bits in groups that share a scale. */
export type Precision = FloatDType | 'int8' | 'int4'
export const PRECISIONS: readonly Precision[] = ['f32', 'f16', 'int8', 'int4']

/** The same, or, where the file holds a parameter as such integers, as these. */
export type Storage = Precision | 'stored'
export const STORAGES: readonly Storage[] = [...PRECISIONS, 'stored']

/** Weights that share a scale, as in GGUF. */
export const GROUP = 32

/** Whether a parameter can be kept as integers: matrices can, of a width that groups divide. */
export const canQuantise = (leaf: ParamSpec): boolean => isMatrixSpec(leaf) && leaf.shape[1] % GROUP === 0

/**
 * How each parameter of a model is kept when the whole is to be kept so. Of integers: matrices whose width is a multiple
 * of 32 are, the others, norms and biases stay floats of the type computed in; where the rest has 4 bits, tables of
 * embeddings and the output layer have 8, since every token passes through them and errors there are not evened out.
 */
export function storageFor<S extends Storage>(kind: S, compute: FloatDType) {
  return (name: string, leaf: ParamSpec): S | Precision => {
    if (kind === 'f32' || kind === 'f16') return kind
    if (!canQuantise(leaf)) return compute
    const sensitive = name.endsWith('lm_head.weight') || (isMatrixSpec(leaf) && leaf.table === true)
    return kind === 'int4' && sensitive ? 'int8' : kind
  }
}

/** Bytes of a row of I weights, in the largest of the buffers that hold them. */
export function bytesPerRow(I: number, precision: Precision): number {
  switch (precision) {
    case 'f32':
      return 4 * I
    case 'f16':
      return 2 * I
    case 'int8':
      return I
    case 'int4':
      return I / 2
  }
}
