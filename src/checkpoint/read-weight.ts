import { quantise } from '../data/quantise.ts'
import type { QuantisedMatrix, RowRange, TensorSource } from '../data/tensor-source.ts'
import type { HostArray } from '../ir/dtype.ts'
import { GROUP, type Precision } from '../models/storage.ts'
import { readAs, rowChunks } from './read-as.ts'

/**
 * Rows of a matrix [O,I] of a checkpoint as floats or integers. What the file holds as integers of as many bits is taken
 * as it is; all else is read as floats and, where asked, quantised some rows at a time.
 * @throws as `readAs` does, and ValueError for a weight that is not finite.
 */
export async function readWeight(
  source: TensorSource,
  name: string,
  storage: Precision,
  rows: RowRange,
): Promise<HostArray | QuantisedMatrix> {
  if (storage === 'f32' || storage === 'f16') return readAs(source, name, storage, rows)
  const bits = storage === 'int4' ? 4 : 8
  const kept = await source.readQuantised?.(name, rows)
  return kept?.bits === bits ? kept : readQuantising(source, name, bits, rows)
}

async function readQuantising(
  source: TensorSource,
  name: string,
  bits: 4 | 8,
  { from, to }: RowRange,
): Promise<QuantisedMatrix> {
  const I = source.tensors.get(name)!.shape[1]!
  const [words, groups] = [(I * bits) / 32, I / GROUP]
  const packed = new Int32Array((to - from) * words)
  const scales = new Float32Array((to - from) * groups)
  for (const chunk of rowChunks([to - from, I])) {
    const begin = chunk?.from ?? 0
    const floats = await readAs(source, name, 'f32', { from: from + begin, to: from + (chunk?.to ?? to - from) })
    const part = quantise(floats, { bits, group: GROUP })
    packed.set(part.packed.data, begin * words)
    scales.set(part.scales.data, begin * groups)
  }
  return {
    bits,
    shape: [to - from, I],
    packed: { dtype: 'i32', shape: [to - from, words], data: packed },
    scales: { dtype: 'f32', shape: [to - from, groups], data: scales },
  }
}
