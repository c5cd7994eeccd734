import type { HostArray } from '../ir/dtype.ts'
import { ShapeError } from '../util/errors.ts'
import { encodeElements, type SavedType } from './encode-elements.ts'
import { replaceFile } from './file-access.ts'
import { storedBytes } from './safetensors-dtype.ts'
import { METADATA_KEY } from './safetensors-header.ts'
import { encodeHeader } from './safetensors-write.ts'

/** A tensor that is fetched only when its turn has come to be written. */
export interface PendingTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly stored: SavedType
  /** What to fetch, f32 or f16 arrays whose elements follow each other: the tensor, or runs of its rows. */
  readonly pieces: readonly (() => Promise<HostArray>)[]
}

export const pendingElements = ({ shape }: PendingTensor): number => shape.reduce((product, dim) => product * dim, 1)
export const pendingBytes = (tensor: PendingTensor): number => pendingElements(tensor) * storedBytes(tensor.stored)

/**
 * Writes a safetensors file of tensors that are not on the host yet: one piece at a time is fetched, written and let go.
 * A file of that name is replaced only once the new one is whole. Names must differ.
 *
 * Throws ShapeError where a tensor has other than its shape's number of elements, ValueError for a number that its type
 * cannot hold, FileError when the disk refuses; what fetching throws passes through.
 */
export async function streamSafetensors(
  path: string,
  tensors: readonly PendingTensor[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  // Wider elements first: so every tensor is aligned to its own element.
  const ordered = [...tensors].sort((a, b) => storedBytes(b.stored) - storedBytes(a.stored))
  const entries = new Map<string, unknown>([[METADATA_KEY, metadata]])
  let at = 0
  for (const tensor of ordered) {
    const end = at + pendingBytes(tensor)
    entries.set(tensor.name, { dtype: tensor.stored, shape: tensor.shape, data_offsets: [at, end] })
    at = end
  }
  await replaceFile(path, chunks(encodeHeader(Object.fromEntries(entries)), ordered))
}

async function* chunks(header: Uint8Array, tensors: readonly PendingTensor[]): AsyncGenerator<Uint8Array> {
  yield header
  for (const tensor of tensors) {
    let elements = 0
    for (const fetch of tensor.pieces) {
      const array = await fetch()
      elements += array.data.length
      yield* encodeElements(array, tensor.stored, tensor.name)
    }
    if (elements !== pendingElements(tensor)) {
      throw new ShapeError(`saving ${tensor.name}: [${tensor.shape}] and ${elements} elements`)
    }
  }
}
