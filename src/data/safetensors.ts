import { allocate, type HostArray } from '../ir/dtype.ts'
import { CHUNK_BYTES, type OpenFile, replaceFile, withFile } from './file-access.ts'
import { decodeChunk, readAs, storedBytes } from './safetensors-dtype.ts'
import { type Entry, headerLength, LENGTH_BYTES, parseHeader, tensorError } from './safetensors-header.ts'
import { safetensorsChunks } from './safetensors-write.ts'

/** A file's contents. Names are in the header's order. */
export interface Safetensors {
  readonly metadata: Record<string, string>
  readonly tensors: Map<string, HostArray>
}

/**
 * Reads a safetensors file. F32, F16, I32, U32 and BOOL keep their type; BF16 becomes f32, U8 u32, and I64 i32.
 * The tensors own their memory; beside them a chunk of 4 MiB and the header (100 MB at most) are held, and what the
 * header claims is held against the file's size before anything is allocated.
 * Throws FileError, naming file and tensor, for anything but a well-formed file, and for an I64 outside i32.
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  return withFile(path, async (file) => {
    const { metadata, entries, dataStart } = await readHeader(file)
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, file.size))
    const tensors = new Map<string, HostArray>()
    for (const entry of entries) {
      const out = allocateFor(entry, path)
      for (let at = entry.begin; at < entry.end; at += chunk.length) {
        const part = chunk.subarray(0, Math.min(chunk.length, entry.end - at))
        await file.readInto(part, dataStart + at)
        decodeInto(entry, part, out, at, path)
      }
      tensors.set(entry.name, out)
    }
    return { metadata, tensors }
  })
}

async function readHeader(file: OpenFile) {
  const first = new Uint8Array(LENGTH_BYTES)
  await file.readInto(first.subarray(0, Math.min(LENGTH_BYTES, file.size)), 0)
  const header = new Uint8Array(headerLength(first, file.size, file.path))
  await file.readInto(header, LENGTH_BYTES)
  const dataStart = LENGTH_BYTES + header.length
  return { ...parseHeader(header, file.size - dataStart, file.path), dataStart }
}

/**
 * The same from bytes in memory, of any alignment; nothing returned shares memory with them.
 * `source` names the bytes in errors. Throws FileError as `readSafetensors` does.
 */
export function parseSafetensors(bytes: Uint8Array, source = 'safetensors'): Safetensors {
  const dataStart = LENGTH_BYTES + headerLength(bytes, bytes.length, source)
  const data = bytes.subarray(dataStart)
  const { metadata, entries } = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart), data.length, source)
  const tensors = new Map<string, HostArray>()
  for (const entry of entries) {
    const out = allocateFor(entry, source)
    decodeInto(entry, data.subarray(entry.begin, entry.end), out, entry.begin, source)
    tensors.set(entry.name, out)
  }
  return { metadata, tensors }
}

/**
 * Writes a safetensors file: f32 as F32, f16 as F16, i32 as I32, u32 as U32, bool as BOOL, wider elements first.
 * A file of that name is replaced only once the new one is whole. Throws ValueError for a name used twice (or
 * `__metadata__`), ShapeError for data that does not fit its shape, FileError when the disk refuses.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [string, HostArray]>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  await replaceFile(path, safetensorsChunks(tensors, metadata))
}

function allocateFor(entry: Entry, path: string): HostArray {
  const dtype = readAs(entry.stored)
  try {
    return { dtype, shape: entry.shape, data: allocate(dtype, entry.count) } as HostArray
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw tensorError(path, entry.name, `${dtype}[${entry.shape}] does not fit in memory`)
  }
}

/** `at` is the byte of the data where `part` begins. A chunk is a whole number of elements: 4 MiB is a multiple of 8. */
function decodeInto(entry: Entry, part: Uint8Array, out: HostArray, at: number, path: string): void {
  const wrong = decodeChunk(entry.stored, part, out, (at - entry.begin) / storedBytes(entry.stored))
  if (wrong !== undefined) throw tensorError(path, entry.name, wrong)
}
