import { quoted } from '../tensor-name.ts'
import type { Cursor } from './cursor.ts'

/** A metadata value. Integers of 64 bits are numbers where these are exact; an array of booleans is one of 0 and 1. */
export type MetadataValue = number | bigint | boolean | string | readonly string[] | NumberArray
export type Metadata = ReadonlyMap<string, MetadataValue>

const NUMBERS = {
  0: Uint8Array,
  1: Int8Array,
  2: Uint16Array,
  3: Int16Array,
  4: Uint32Array,
  5: Int32Array,
  6: Float32Array,
  7: Uint8Array, // bool
  10: BigUint64Array,
  11: BigInt64Array,
  12: Float64Array,
} as const
type NumberKind = keyof typeof NUMBERS
export type NumberArray = InstanceType<(typeof NUMBERS)[NumberKind]>

const BOOL = 7
const STRING = 8
const ARRAY = 9
const LENGTH_BYTES = 8

const isNumberKind = (kind: number): kind is NumberKind => Object.hasOwn(NUMBERS, kind)

/** Reads the value after a key. FileError for a kind that GGUF does not have, an array of arrays, or too few bytes. */
export async function readValue(cursor: Cursor, key: string): Promise<MetadataValue> {
  await cursor.load(4)
  const kind = cursor.u32()
  if (kind === STRING) return readString(cursor)
  if (kind === ARRAY) return readArray(cursor, key)
  const [value] = await readNumbers(cursor, key, kind, 1)
  if (kind === BOOL) return value === 1
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value!
}

async function readArray(cursor: Cursor, key: string): Promise<readonly string[] | NumberArray> {
  await cursor.load(4 + LENGTH_BYTES)
  const kind = cursor.u32()
  const count = cursor.u64()
  if (kind === ARRAY) throw cursor.error(`metadata ${quoted(key)} is an array of arrays`)
  return kind === STRING ? readStrings(cursor, count) : readNumbers(cursor, key, kind, count)
}

async function readNumbers(cursor: Cursor, key: string, kind: number, count: number): Promise<NumberArray> {
  if (!isNumberKind(kind)) throw cursor.error(`metadata ${quoted(key)} is of unknown kind ${kind}`)
  const Numbers = NUMBERS[kind]
  cursor.mustHave(count * Numbers.BYTES_PER_ELEMENT)
  const values = new Numbers(count)
  await cursor.fill(new Uint8Array(values.buffer)) // the bytes are the elements: hosts that run weft are little-endian
  if (kind === BOOL && values.some((value) => value > 1)) {
    throw cursor.error(`metadata ${quoted(key)} is a boolean other than 0 and 1`)
  }
  return values
}

async function readStrings(cursor: Cursor, count: number): Promise<readonly string[]> {
  cursor.mustHave(count * LENGTH_BYTES)
  const out: string[] = []
  for (let i = 0; i < count; i++) {
    if (!cursor.has(LENGTH_BYTES)) await cursor.load(LENGTH_BYTES)
    const length = cursor.u64()
    if (!cursor.has(length)) await cursor.load(length)
    out.push(text(cursor, length))
  }
  return out
}

export async function readString(cursor: Cursor): Promise<string> {
  const [string] = await readStrings(cursor, 1)
  return string!
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const SHORT = 24

function text(cursor: Cursor, length: number): string {
  const bytes = cursor.take(length)
  return (length <= SHORT ? ascii(bytes) : undefined) ?? decoded(cursor, bytes)
}

/** Most tokens and merges are a few ASCII characters, for which a call of the decoder takes several times as long. */
function ascii(bytes: Uint8Array): string | undefined {
  let out = ''
  for (const byte of bytes) {
    if (byte > 0x7f) return undefined
    out += String.fromCharCode(byte)
  }
  return out
}

function decoded(cursor: Cursor, bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw cursor.error(`a string before byte ${cursor.position} is not UTF-8`)
  }
}
