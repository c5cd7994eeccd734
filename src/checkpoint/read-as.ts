import type { RowRange, TensorInfo, TensorSource } from '../data/tensor-source.ts'
import { allocate, type FloatDType, f16ToNumber, type HostArray, isFloat } from '../ir/dtype.ts'
import { sizeOf } from '../ir/shape.ts'
import { CheckpointError } from '../util/errors.ts'
import { writeF16 } from './to-f16.ts'

/** Elements converted at a time. */
const CHUNK_ELEMENTS = 1 << 20

/**
 * A tensor of a checkpoint, or a range of its rows, as f32 or f16, whatever the file has. Holds the result and some rows.
 * @throws CheckpointError for a tensor of integers, and for a number that f16 has not; FileError as the source does.
 */
export async function readAs(
  source: TensorSource,
  name: string,
  dtype: FloatDType,
  range?: RowRange,
): Promise<HostArray> {
  const held = source.tensors.get(name)!.shape
  const shape = range ? [range.to - range.from, ...held.slice(1)] : held
  const begin = range?.from ?? 0
  const whole: HostArray = { dtype, shape, data: allocate(dtype, sizeOf(shape)) }
  let at = 0
  for (const rows of rowChunks(shape)) {
    const part = await source.read(name, rows ? { from: begin + rows.from, to: begin + rows.to } : range)
    if (!isFloat(part.dtype)) throw new CheckpointError(`${name} holds ${part.dtype}, not f32 or f16`)
    if (rows === undefined && part.dtype === dtype) return part
    copyInto(whole, at, part, name)
    at += part.data.length
  }
  return whole
}

/** Ranges of rows of about CHUNK_ELEMENTS; undefined, all of it, where that is no more or there are no rows. */
export function* rowChunks(shape: TensorInfo['shape']): Generator<RowRange | undefined> {
  const size = sizeOf(shape)
  const [height = 1] = shape
  if (size <= CHUNK_ELEMENTS || shape.length === 0) return yield undefined
  const step = Math.max(1, Math.floor(CHUNK_ELEMENTS / (size / height)))
  for (let from = 0; from < height; from += step) yield { from, to: Math.min(height, from + step) }
}

function copyInto(target: HostArray, at: number, { dtype, data }: HostArray, name: string): void {
  const out = target.data
  if (dtype === target.dtype) out.set(data, at)
  else if (dtype === 'f16') for (let i = 0; i < data.length; i++) out[at + i] = f16ToNumber(data[i]!)
  else writeF16(out, at, data, name)
}
