import { getElement, type HostArray, numberToF16 } from '../ir/dtype.ts'
import { ValueError } from '../util/errors.ts'
import { numberToBf16 } from './bf16.ts'
import { CHUNK_BYTES } from './file-access.ts'
import { storedBytes, writtenAs } from './safetensors-dtype.ts'

/** Element types that parameters are saved as. */
export type SavedType = 'F32' | 'F16' | 'BF16'

/**
 * The elements of an f32 or f16 array as bytes of another type, each rounded to the nearest value, ties to the even one; a
 * chunk at a time. Without a difference of type it is the array's own memory. `name` is for messages.
 *
 * Throws ValueError for a finite number that the type can only hold as infinite.
 */
export function* encodeElements(array: HostArray, stored: SavedType, name: string): Generator<Uint8Array> {
  const { data } = array
  if (writtenAs(array.dtype) === stored) {
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    return
  }
  const step = CHUNK_BYTES / storedBytes(stored)
  for (let from = 0; from < data.length; from += step) {
    yield encode(array, stored, from, Math.min(data.length, from + step), name)
  }
}

function encode(array: HostArray, stored: SavedType, from: number, to: number, name: string): Uint8Array {
  const out = stored === 'F32' ? new Float32Array(to - from) : new Uint16Array(to - from)
  const convert = stored === 'F32' ? (x: number) => x : stored === 'F16' ? numberToF16 : numberToBf16
  for (let i = from; i < to; i++) {
    const value = getElement(array, i)
    const converted = convert(value)
    if ((converted & 0x7fff) === INFINITE[stored] && Number.isFinite(value)) {
      throw new ValueError(`${name} holds ${value}, which ${stored} has not`, { hint: 'save it as f32 or bf16' })
    }
    out[i - from] = converted
  }
  return new Uint8Array(out.buffer)
}

/** Bits of infinity, without the sign; f32 holds all that there is. */
const INFINITE = { F32: undefined, F16: 0x7c00, BF16: 0x7f80 } as const
