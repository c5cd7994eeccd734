import { UnsupportedError } from '../../util/errors.ts'
import type { OpenFile } from '../file-access.ts'
import { quoted } from '../tensor-name.ts'
import { Cursor } from './cursor.ts'
import { type Metadata, type MetadataValue, readString, readValue } from './metadata.ts'
import { readTensors, type StoredTensor } from './tensors.ts'

/** A file's header, checked against the file's size so that what follows may trust it. */
export interface Header {
  readonly metadata: Metadata
  /** In the file's order, under the file's names. */
  readonly tensors: readonly StoredTensor[]
}

const MAGIC = 0x46554747 // 'GGUF', the first byte lowest
/** Far more than any model has, few enough that a hostile header takes no memory to speak of. */
const MAX_ENTRIES = 100_000
/** The least that an entry takes: a key's length, kind and value; a name's length, rank, type and offset. */
const METADATA_BYTES = 8 + 4 + 1
const TENSOR_BYTES = 8 + 4 + 4 + 8

/** @throws FileError for anything but a well-formed header; UnsupportedError for a version or tensor type that weft lacks. */
export async function readHeader(file: OpenFile): Promise<Header> {
  const { cursor, metadata, tensorCount } = await begin(file)
  return { metadata, tensors: await readTensors(cursor, tensorCount, alignmentOf(cursor, metadata), file) }
}

/** The metadata alone, of whatever tensors. @throws FileError and UnsupportedError as `readHeader` does. */
export const readMetadata = async (file: OpenFile): Promise<Metadata> => (await begin(file)).metadata

/** Reads up to the descriptions of the tensors. */
async function begin(file: OpenFile) {
  const cursor = new Cursor(file)
  await readVersion(cursor, file.path)
  await cursor.load(16)
  const tensorCount = entryCount(cursor, 'tensors')
  const metadataCount = entryCount(cursor, 'metadata entries')
  cursor.mustHave(tensorCount * TENSOR_BYTES + metadataCount * METADATA_BYTES)
  const metadata = new Map<string, MetadataValue>()
  for (let i = 0; i < metadataCount; i++) {
    const key = await readString(cursor)
    if (metadata.has(key)) throw cursor.error(`metadata ${quoted(key)} stands there twice`)
    metadata.set(key, await readValue(cursor, key))
  }
  return { cursor, metadata, tensorCount }
}

async function readVersion(cursor: Cursor, path: string): Promise<void> {
  await cursor.load(8)
  if (cursor.u32() !== MAGIC) throw cursor.error("it does not begin with 'GGUF'")
  const version = cursor.u32()
  if (version === 2 || version === 3) return
  // Versions are small, so one that is small when read from the other end is of the other byte order.
  const what = version > 0 && version % 0x10000 === 0 ? 'is big-endian' : `is GGUF of version ${version}`
  throw new UnsupportedError(`${path} ${what}`, {
    hint: 'weft reads versions 2 and 3, little-endian: convert the model again with a present llama.cpp',
  })
}

function entryCount(cursor: Cursor, what: string): number {
  const count = cursor.u64()
  if (count > MAX_ENTRIES) throw cursor.error(`it claims to have ${count} ${what}`)
  return count
}

/** Tensors begin at multiples of this. */
function alignmentOf(cursor: Cursor, metadata: Metadata): number {
  const alignment = metadata.get('general.alignment') ?? 32
  if (typeof alignment === 'number' && alignment > 0 && Number.isInteger(Math.log2(alignment))) return alignment
  throw cursor.error(`general.alignment is not a power of two`)
}
