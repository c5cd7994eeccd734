import { allocate, type HostArray } from '../ir/dtype.ts'
import { FileError } from '../util/errors.ts'
import { CHUNK_BYTES, type OpenFile } from './file-access.ts'
import type { Stretch } from './row-range.ts'
import { decodeChunk, isBitEqual, readAs, type StoredType, storedBytes } from './safetensors-dtype.ts'

/**
 * Reads elements that lie side by side in a file, the tensor's first at byte `position`. Holds the result, and a chunk of
 * 4 MiB where the elements have to be converted.
 * `what` names file and tensor. The caller has held the tensor's bytes against the file's size.
 * @throws FileError for values that the type read into cannot hold, or if the file shrinks meanwhile.
 */
export async function readElements(
  file: OpenFile,
  stored: 'F32',
  position: number,
  stretch: Stretch,
  what: string,
): Promise<HostArray<'f32'>>
export async function readElements(
  file: OpenFile,
  stored: StoredType,
  position: number,
  stretch: Stretch,
  what: string,
): Promise<HostArray>
export async function readElements(
  file: OpenFile,
  stored: StoredType,
  position: number,
  { shape, begin, count }: Stretch,
  what: string,
): Promise<HostArray> {
  const out = allocateArray(stored, shape, count, what)
  const width = storedBytes(stored)
  const from = position + begin * width
  if (isBitEqual(stored)) {
    await file.readInto(new Uint8Array(out.data.buffer), from)
    return out
  }
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, count * width))
  for (let at = 0; at < count * width; at += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, count * width - at))
    await file.readInto(part, from + at)
    decodeInto(out, stored, part, at / width, what)
  }
  return out
}

/** @throws FileError where there is not so much memory, as an engine says it by a RangeError. */
export function allocateArray(stored: StoredType, shape: readonly number[], count: number, what: string): HostArray {
  const dtype = readAs(stored)
  try {
    return { dtype, shape, data: allocate(dtype, count) } as HostArray
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new FileError(`${what}: ${dtype}[${shape}] does not fit in memory`)
  }
}

/** `at` is the element of `out` where `part` begins. @throws FileError for a value that `out` cannot hold. */
export function decodeInto(out: HostArray, stored: StoredType, part: Uint8Array, at: number, what: string): void {
  const wrong = decodeChunk(stored, part, out, at)
  if (wrong !== undefined) throw new FileError(`${what}: ${wrong}`)
}
