import type { DType, HostArray } from '../ir/dtype.ts'
import { widenBf16 } from './bf16.ts'

/**
 * What each element type of a file becomes: the type weft computes with that holds every value of it
 * (I64 only where its values fit, see `decodeChunk`).
 */
const READ_AS = {
  F32: 'f32',
  F16: 'f16',
  BF16: 'f32',
  I32: 'i32',
  I64: 'i32',
  U32: 'u32',
  U8: 'u32',
  BOOL: 'bool',
} as const satisfies Record<string, DType>

const BYTES: Readonly<Record<StoredType, number>> = { F32: 4, F16: 2, BF16: 2, I32: 4, I64: 8, U32: 4, U8: 1, BOOL: 1 }

/** Element types that files hold and weft does not read: a checkpoint may have them in tensors that no model asks for. */
const UNREAD_BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  I16: 2,
  I8: 1,
  U64: 8,
  U16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
}

const WRITTEN_AS: Readonly<Record<DType, StoredType>> = { f32: 'F32', f16: 'F16', i32: 'I32', u32: 'U32', bool: 'BOOL' }

/** Element types of a file that weft reads. */
export type StoredType = keyof typeof READ_AS
export const STORED_TYPES = Object.keys(READ_AS) as readonly StoredType[]

export const isStoredType = (text: string): text is StoredType => Object.hasOwn(READ_AS, text)
/** Bytes of an element of a type that files may hold, read or not; undefined for a name that is no type. */
export const fileTypeBytes = (text: string): number | undefined =>
  isStoredType(text) ? BYTES[text] : Object.hasOwn(UNREAD_BYTES, text) ? UNREAD_BYTES[text] : undefined
/** Whether the bytes are those of the type that it is read as. Hosts are little-endian, as WebGPU's buffers are. */
export const isBitEqual = (stored: StoredType): boolean =>
  stored === 'F32' || stored === 'F16' || stored === 'I32' || stored === 'U32'
export const storedBytes = (stored: StoredType): number => BYTES[stored]
export const readAs = (stored: StoredType): DType => READ_AS[stored]
export const writtenAs = (dtype: DType): StoredType => WRITTEN_AS[dtype]

/**
 * Writes the elements in `chunk` (little-endian, of any alignment) into `out` from element `at` on.
 * Returns what is wrong with a value that `out` cannot hold, or undefined.
 */
export function decodeChunk(stored: StoredType, chunk: Uint8Array, out: HostArray, at: number): string | undefined {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  const target = out.data
  switch (stored) {
    case 'F32':
    case 'F16':
    case 'I32':
    case 'U32':
      // The bytes are the elements: hosts that run weft are little-endian, as WebGPU buffers are.
      new Uint8Array(target.buffer, target.byteOffset + at * target.BYTES_PER_ELEMENT, chunk.length).set(chunk)
      return undefined
    case 'BF16':
      widenBf16(chunk, target, at)
      return undefined
    case 'I64':
      for (let i = 0; i * 8 < chunk.length; i++) {
        const low = view.getInt32(i * 8, true)
        if (view.getInt32(i * 8 + 4, true) !== low >> 31) {
          return `element ${at + i} is ${view.getBigInt64(i * 8, true)}, outside the range of i32`
        }
        target[at + i] = low
      }
      return undefined
    case 'U8':
      target.set(chunk, at)
      return undefined
    case 'BOOL': {
      const bad = chunk.findIndex((byte) => byte > 1)
      if (bad >= 0) return `element ${at + bad} of a BOOL is ${chunk[bad]}, not 0 or 1`
      target.set(chunk, at)
      return undefined
    }
  }
}
