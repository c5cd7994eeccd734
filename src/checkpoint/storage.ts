import type { TensorSource } from '../data/tensor-source.ts'
import type { FloatDType } from '../ir/dtype.ts'
import type { Precision, Storage } from '../models/storage.ts'

/** What is kept as the file has it is floats of the type computed in where the file has no integers. */
export async function settledStorage(
  storage: Storage,
  source: TensorSource,
  name: string,
  compute: FloatDType,
): Promise<Precision> {
  if (storage !== 'stored') return storage
  const row = await source.readQuantised?.(name, { from: 0, to: 1 })
  return row ? `int${row.bits}` : compute
}
