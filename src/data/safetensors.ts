import type { HostArray } from '../ir/dtype.ts'
import { replaceFile } from './file-access.ts'
import { allocateArray, decodeInto } from './read-elements.ts'
import { headerLength, LENGTH_BYTES, parseHeader, readable } from './safetensors-header.ts'
import { safetensorsSource } from './safetensors-source.ts'
import { safetensorsChunks } from './safetensors-write.ts'
import { tensorOf } from './tensor-name.ts'

/** A file's contents. Names are in the header's order. */
export interface Safetensors {
  readonly metadata: Record<string, string>
  readonly tensors: Map<string, HostArray>
}

/**
 * Reads a whole safetensors file. F32, F16, I32, U32 and BOOL keep their type; BF16 becomes f32, U8 u32, and I64 i32.
 * The tensors own their memory; beside them a chunk of 4 MiB and the header (100 MB at most) are held, and what the
 * header claims is held against the file's size before anything is allocated.
 * Throws FileError, naming file and tensor, for anything but a well-formed file, and for an I64 outside i32.
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  const source = await safetensorsSource(path)
  try {
    const tensors = new Map<string, HostArray>()
    for (const name of source.tensors.keys()) tensors.set(name, await source.read(name))
    return { metadata: source.metadata, tensors }
  } finally {
    await source.close()
  }
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
    const stored = readable(entry, source)
    const what = tensorOf(source, entry.name)
    const out = allocateArray(stored, entry.shape, entry.count, what)
    decodeInto(out, stored, data.subarray(entry.begin, entry.end), 0, what)
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
