import { allocate, type DType, type HostArray, type TypedArray } from '../ir/dtype.ts'
import { ShapeError } from '../util/errors.ts'
import { tensorText } from './size-text.ts'

/** How tensors lie in device buffers: f32, i32, u32 as they are; f16 packed, two to a word; bool as u32 0 or 1. */

export const countElements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/**
 * Bytes of a tensor in a device buffer, a multiple of 4 and at least 4. The same rule as `deviceBytes` in
 * codegen/program.ts, of which the runtime may import types only; a test holds them equal.
 */
export function tensorBytes(dtype: DType, shape: readonly number[]): number {
  return Math.max(4, Math.ceil((countElements(shape) * (dtype === 'f16' ? 2 : 4)) / 4) * 4)
}

/**
 * The bytes to write for an array, a multiple of 4 long and never on shared memory: Dawn's Node binding crashes when
 * handed a view of a SharedArrayBuffer.
 * @throws ShapeError if there are more or fewer elements than the shape says.
 */
export function encode(array: HostArray, name: string): Uint8Array<ArrayBuffer> {
  const expected = countElements(array.shape)
  if (array.data.length !== expected) {
    throw new ShapeError(
      `upload: ${name} is ${tensorText(array.dtype, array.shape)}, ${expected} elements, but its data has ` +
        `${array.data.length}`,
      { hint: 'pass data of as many elements as the shape has' },
    )
  }
  if (array.dtype === 'bool') {
    const words = new Uint32Array(expected)
    for (let i = 0; i < expected; i++) words[i] = array.data[i] === 0 ? 0 : 1
    return new Uint8Array(words.buffer)
  }
  const { buffer, byteOffset, byteLength } = array.data
  if (byteLength % 4 === 0 && buffer instanceof ArrayBuffer) return new Uint8Array(buffer, byteOffset, byteLength)
  const padded = new Uint8Array(Math.ceil(byteLength / 4) * 4)
  padded.set(new Uint8Array(buffer, byteOffset, byteLength))
  return padded
}

/** A tensor from the bytes of its device buffer, which are copied. They lie at a multiple of 4. */
export function decode(dtype: DType, shape: readonly number[], contents: Uint8Array): HostArray {
  const length = countElements(shape)
  const data: TypedArray = allocate(dtype, length)
  if (dtype === 'bool') {
    const words = new Uint32Array(contents.buffer, contents.byteOffset, length)
    for (let i = 0; i < length; i++) data[i] = words[i] === 0 ? 0 : 1
  } else {
    new Uint8Array(data.buffer).set(contents.subarray(0, data.byteLength))
  }
  return { dtype, shape: [...shape], data }
}
