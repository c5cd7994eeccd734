import type { TensorSource } from '../data/tensor-source.ts'
import type { FloatDType } from '../ir/dtype.ts'
import { isMatrixSpec, type ParamSpec } from '../nn/param.ts'

/**
 * How a parameter is kept on a device: as floats, as integers of 8 or 4 bits in groups that share a scale, or, where the
 * file holds it as such integers, as these.
 */
export type Storage = FloatDType | 'int8' | 'int4' | 'stored'
/** The same once the file is known. */
export type SettledStorage = Exclude<Storage, 'stored'>
export const STORAGES: readonly Storage[] = ['f32', 'f16', 'int8', 'int4', 'stored']

/** Weights that share a scale, as in GGUF. */
export const GROUP = 32

/** Whether a parameter can be kept as integers: matrices can, of a width that groups divide. */
export const canQuantise = (leaf: ParamSpec): boolean => isMatrixSpec(leaf) && leaf.shape[1] % GROUP === 0

/**
 * How each parameter of a model is kept when the whole is to be kept so. Of integers: matrices whose width is a multiple
 * of 32 are, the others, norms and biases stay floats of the type computed in; where the rest has 4 bits, tables of
 * embeddings and the output layer have 8, since every token passes through them and errors there are not evened out.
 */
export function storageFor(kind: Storage, compute: FloatDType) {
  return (name: string, leaf: ParamSpec): Storage => {
    if (kind === 'f32' || kind === 'f16') return kind
    if (!canQuantise(leaf)) return compute
    const sensitive = name.endsWith('lm_head.weight') || (isMatrixSpec(leaf) && leaf.table === true)
    return kind === 'int4' && sensitive ? 'int8' : kind
  }
}

/** What is kept as the file has it is floats of the type computed in where the file has no integers. */
export async function settledStorage(
  storage: Storage,
  source: TensorSource,
  name: string,
  compute: FloatDType,
): Promise<SettledStorage> {
  if (storage !== 'stored') return storage
  const row = await source.readQuantised?.(name, { from: 0, to: 1 })
  return row ? `int${row.bits}` : compute
}

/** Bytes of a row of I weights, in the largest of the buffers that hold them. */
export function bytesPerRow(I: number, storage: SettledStorage): number {
  switch (storage) {
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
