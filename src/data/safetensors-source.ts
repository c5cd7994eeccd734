import { type OpenFile, openFile } from './file-access.ts'
import { readElements } from './read-elements.ts'
import { stretchOf } from './row-range.ts'
import { headerLength, LENGTH_BYTES, parseHeader, readable } from './safetensors-header.ts'
import { found, tensorOf } from './tensor-name.ts'
import type { TensorSource } from './tensor-source.ts'

/** A safetensors file that is read tensor by tensor. */
export interface SafetensorsSource extends TensorSource {
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Opens a safetensors file to be read tensor by tensor, with the conversions of `readSafetensors`. Only the header is
 * read now, and checked whole: a tensor of a type that weft does not read is an error only when it is asked for.
 * @throws FileError for anything but a well-formed file.
 */
export async function safetensorsSource(path: string): Promise<SafetensorsSource> {
  const file = await openFile(path)
  try {
    const { metadata, entries, dataStart } = await readHeader(file)
    const byName = new Map(entries.map((entry) => [entry.name, entry]))
    return {
      path,
      metadata,
      tensors: new Map(entries.map((e) => [e.name, { shape: e.shape, stored: e.stored, bytes: e.end - e.begin }])),
      async read(name, rows) {
        const entry = found(byName, name, path)
        const what = tensorOf(path, name)
        const stored = readable(entry, path)
        return readElements(file, stored, dataStart + entry.begin, stretchOf(entry.shape, rows, what), what)
      },
      close: () => file.close(),
    }
  } catch (cause) {
    await file.close()
    throw cause
  }
}

async function readHeader(file: OpenFile) {
  const first = new Uint8Array(LENGTH_BYTES)
  await file.readInto(first.subarray(0, Math.min(LENGTH_BYTES, file.size)), 0)
  const header = new Uint8Array(headerLength(first, file.size, file.path))
  await file.readInto(header, LENGTH_BYTES)
  const dataStart = LENGTH_BYTES + header.length
  return { ...parseHeader(header, file.size - dataStart, file.path), dataStart }
}
