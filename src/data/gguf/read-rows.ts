import type { HostArray } from '../../ir/dtype.ts'
import type { OpenFile } from '../file-access.ts'
import { unitReading } from '../row-units.ts'
import { tensorOf } from '../tensor-name.ts'
import type { QuantisedMatrix, RowRange } from '../tensor-source.ts'
import { readDecoded, readPacked } from './read-blocks.ts'
import type { Packed } from './tensor-types.ts'
import { type StoredTensor, tensorError } from './tensors.ts'

/** A tensor and what its rows are. */
export interface Entry {
  readonly tensor: StoredTensor
  /** Rows of a head, where they are in llama.cpp's order. */
  readonly headDim: number | undefined
  /** Rows that have to be read together. */
  readonly unit: number
}

/** `heads` if the rows are of heads that RoPE rotates. FileError unless there are as many. */
export function entryOf(tensor: StoredTensor, heads: number | undefined, path: string): Entry {
  const { name, shape, type } = tensor
  const [height = 1] = shape
  const headDim = heads === undefined ? undefined : height / heads
  if (heads !== undefined && (height === 0 || !Number.isInteger(height / heads / 2))) {
    throw tensorError(path, name, `has ${height} rows, which are not ${heads} heads of even size`)
  }
  // A vector of blocks has rows of one element, and is short enough to be read whole.
  const unit = shape.length < 2 && type.block > 1 ? Math.max(1, height) : (headDim ?? 1)
  return { tensor, headDim, unit }
}

export async function readRows(file: OpenFile, entry: Entry, rows: RowRange | undefined): Promise<HostArray<'f32'>> {
  const { stretch, settle } = unitReading(
    { ...entry, shape: entry.tensor.shape },
    rows,
    tensorOf(file.path, entry.tensor.name),
  )
  return settle(await readDecoded(file, entry.tensor, stretch))
}

/** The same for a matrix that stays as it is packed. */
export async function readQuantisedRows(
  file: OpenFile,
  entry: Entry,
  type: Packed,
  rows: RowRange | undefined,
): Promise<QuantisedMatrix> {
  const { stretch, settle } = unitReading(
    { ...entry, shape: entry.tensor.shape },
    rows,
    tensorOf(file.path, entry.tensor.name),
  )
  const { bits, packed, scales, offsets } = await readPacked(file, entry.tensor, type, stretch)
  const settled = settle(packed)
  return {
    bits,
    shape: [settled.shape[0]!, stretch.shape[1]!],
    packed: settled,
    scales: settle(scales),
    ...(offsets ? { offsets: settle(offsets) } : {}),
  }
}
