import { FileError } from '../util/errors.ts'
import { exactSize } from './exact-size.ts'
import { fileTypeBytes, isStoredType, STORED_TYPES, type StoredType } from './safetensors-dtype.ts'
import { type HeaderObject, HeaderSyntax, type HeaderValue, parseHeaderJson } from './safetensors-json.ts'
import { quoted, shortened, tensorOf } from './tensor-name.ts'

/** Header bytes refused above this: the reference implementation's own limit. */
export const MAX_HEADER_BYTES = 100_000_000
/** The u64 before the header that tells its length. */
export const LENGTH_BYTES = 8
export const METADATA_KEY = '__metadata__'

/** One tensor as the header describes it, checked against the file. */
export interface Entry {
  readonly name: string
  /** A type of the format; `readable` says whether weft reads it. */
  readonly stored: string
  readonly shape: readonly number[]
  /** Elements. */
  readonly count: number
  /** Byte range within the data that follows the header. */
  readonly begin: number
  readonly end: number
}

export interface Header {
  readonly metadata: Record<string, string>
  /** In the header's order. */
  readonly entries: readonly Entry[]
}

/**
 * The header's length in bytes, told by a file's first 8 bytes.
 * Throws FileError unless the header fits in the file and under MAX_HEADER_BYTES.
 */
export function headerLength(first: Uint8Array, fileSize: number, path: string): number {
  if (fileSize < LENGTH_BYTES) throw notSafetensors(path, `only ${fileSize} bytes long`)
  const length = new DataView(first.buffer, first.byteOffset, LENGTH_BYTES).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER_BYTES)) throw notSafetensors(path, `header of ${length} bytes exceeds 100 MB`)
  if (Number(length) > fileSize - LENGTH_BYTES) {
    throw notSafetensors(path, `header of ${length} bytes runs past the end of the file (${fileSize} bytes)`)
  }
  return Number(length)
}

/**
 * Parses and checks a header so that what follows may trust it: every dtype known, every range the size its shape
 * asks for, and the ranges covering `dataBytes` exactly, without overlap or hole. Throws FileError otherwise.
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number, path: string): Header {
  const top = parseText(bytes, path)
  let metadata: Record<string, string> = {}
  const entries: Entry[] = []
  for (const [name, value] of top) {
    if (name === METADATA_KEY) metadata = parseMetadata(value, path)
    else entries.push(parseEntry(name, value, path))
  }
  checkCoverage(entries, dataBytes, path)
  return { metadata, entries }
}

function parseText(bytes: Uint8Array, path: string): HeaderObject {
  if (bytes[0] !== 0x7b) throw notSafetensors(path, "the header does not begin with '{'")
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw notSafetensors(path, 'the header is not UTF-8')
  }
  try {
    return parseHeaderJson(text) as HeaderObject // begins with '{', so it is an object
  } catch (cause) {
    if (cause instanceof HeaderSyntax) throw notSafetensors(path, cause.message)
    throw cause
  }
}

function parseMetadata(value: HeaderValue, path: string): Record<string, string> {
  if (!(value instanceof Map)) throw new FileError(`${path}: ${METADATA_KEY} is not an object of strings`)
  for (const [key, text] of value) {
    if (typeof text !== 'string') throw new FileError(`${path}: ${METADATA_KEY} ${quoted(key)} is not a string`)
  }
  return Object.fromEntries(value) as Record<string, string>
}

function parseEntry(name: string, value: HeaderValue, path: string): Entry {
  const fail = (what: string, hint?: string) => tensorError(path, name, what, hint)
  if (!(value instanceof Map)) throw fail('its header entry is not an object')
  for (const key of value.keys()) {
    if (key !== 'dtype' && key !== 'shape' && key !== 'data_offsets') throw fail(`unknown field ${quoted(key)}`)
  }
  const stored: unknown = value.get('dtype')
  const shape: unknown = value.get('shape')
  const offsets: unknown = value.get('data_offsets')
  if (typeof stored !== 'string') throw fail('has no dtype')
  const width = fileTypeBytes(stored)
  if (width === undefined) throw unsupported(path, name, stored)
  if (!isNumbers(shape)) throw fail('has no shape (a list of whole numbers)')
  if (!isNumbers(offsets) || offsets.length !== 2) throw fail('has no data_offsets (a begin and an end)')
  const [begin, end] = offsets as [number, number]
  const count = exactSize(shape)
  const size = count * width
  if (!Number.isSafeInteger(size)) throw fail(`shape [${shape}] overflows`)
  if (end - begin !== size) {
    throw fail(`shape [${shape}] of ${stored} takes ${size} bytes, but data_offsets [${offsets}] span ${end - begin}`)
  }
  return { name, stored, shape, count, begin, end }
}

/** The element type of a tensor that is to be read. @throws FileError for one that weft does not read. */
export function readable({ name, stored }: Entry, path: string): StoredType {
  if (isStoredType(stored)) return stored
  throw unsupported(path, name, stored)
}

const unsupported = (path: string, name: string, stored: string): FileError =>
  tensorError(
    path,
    name,
    `dtype ${shortened(stored)} is not supported`,
    `convert it to one of ${STORED_TYPES.join(', ')}`,
  )

function checkCoverage(entries: readonly Entry[], dataBytes: number, path: string): void {
  const byPlace = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const entry of byPlace) {
    const range = `data_offsets [${entry.begin},${entry.end}]`
    if (entry.end > dataBytes) {
      throw tensorError(path, entry.name, `${range} run past the ${dataBytes} bytes of data`, TRUNCATED)
    }
    if (entry.begin < at)
      throw tensorError(path, entry.name, `${range} overlap the tensor before it, which ends at ${at}`)
    if (entry.begin > at) throw tensorError(path, entry.name, `${range} leave a hole after byte ${at} of the data`)
    at = entry.end
  }
  if (at !== dataBytes) throw new FileError(`${path}: ${dataBytes - at} bytes after the last tensor belong to none`)
}

const TRUNCATED = 'the file is probably truncated: download or write it again'

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'number')

function notSafetensors(path: string, what: string): FileError {
  return new FileError(`${path}: not a safetensors file: ${shortened(what)}`, {
    hint: 'the file is truncated or of another format',
  })
}

function tensorError(path: string, name: string, what: string, hint?: string): FileError {
  return new FileError(`${tensorOf(path, name)}: ${shortened(what)}`, { hint })
}
