import { allocate, type DType, type HostArray, isInt, type TypedArray } from '../dtype.ts'
import { failDType } from '../prims/common.ts'
import { rawOps } from '../raw-ops.ts'
import { failShape, formatShape, sizeOf } from '../shape.ts'
import { flattenNumbers, fromHost, hostFromNumbers, type NestedNumbers, type Tensor } from '../tensor.ts'

type Sizes = readonly number[]

export interface TensorOptions {
  readonly dtype?: DType
  /** Shape of flat data; nested arrays state their own. */
  readonly shape?: Sizes
}

/**
 * A concrete tensor on the host, its elements copied from nested arrays or a typed array (row-major).
 * The dtype is f32 unless said: bool for booleans, and for typed arrays the one they store (Float32Array f32,
 * Int32Array i32, Uint32Array u32, Uint16Array f16 as raw bits).
 * @throws ShapeError for ragged rows or a shape of another size; DTypeError for fractions in an integer tensor, or a
 * Uint8Array without a dtype.
 */
export function tensor(data: NestedNumbers | TypedArray, options: TensorOptions = {}): Tensor {
  if (ArrayBuffer.isView(data)) return fromHost(hostFromTyped(data, options))
  const { shape, flat } = flattenNumbers(data)
  const dtype = options.dtype ?? (isBooleans(data) ? 'bool' : 'f32')
  return fromHost(encode(dtype, checkCount(options.shape ?? shape, flat.length), flat))
}

function hostFromTyped(
  data: TypedArray,
  { dtype = storedDType(data), shape = [data.length] }: TensorOptions,
): HostArray {
  checkCount(shape, data.length)
  const storage = allocate(dtype, 0)
  if (storage.constructor === data.constructor) return { dtype, shape: [...shape], data: data.slice() }
  return encode(dtype, shape, data)
}

function storedDType(data: TypedArray): DType {
  if (data instanceof Float32Array) return 'f32'
  if (data instanceof Int32Array) return 'i32'
  if (data instanceof Uint32Array) return 'u32'
  if (data instanceof Uint16Array) return 'f16'
  return failDType('tensor: a Uint8Array may hold bytes or booleans', "say which: {dtype: 'i32'} or {dtype: 'bool'}")
}

const isBooleans = (data: NestedNumbers): boolean => {
  let first: NestedNumbers | undefined = data
  while (Array.isArray(first)) first = (first as readonly NestedNumbers[])[0]
  return typeof first === 'boolean'
}

function encode(dtype: DType, shape: Sizes, numbers: ArrayLike<number>): HostArray {
  if (isInt(dtype)) {
    for (let i = 0; i < numbers.length; i++) {
      if (!Number.isInteger(numbers[i]))
        failDType(`tensor: ${numbers[i]} is not an element of ${dtype}`, "use dtype 'f32'")
    }
  }
  return hostFromNumbers(dtype, [...shape], numbers)
}

function checkCount(shape: Sizes, count: number): Sizes {
  if (sizeOf(checkSizes('tensor', shape)) !== count) {
    failShape(`tensor: ${count} elements do not fill ${formatShape(shape)}`, `the shape needs ${sizeOf(shape)}`)
  }
  return shape
}

/** @throws ShapeError unless every dimension is a whole number of 0 or more. */
export function checkSizes(op: string, shape: Sizes): Sizes {
  if (!shape.every((n) => Number.isInteger(n) && n >= 0)) {
    failShape(`${op}: ${formatShape(shape)} is not a shape`, 'every dimension must be a whole number of 0 or more')
  }
  return shape
}

/** A tensor of `shape`, every element `value`. */
export function full(shape: Sizes, value: number, dtype: DType = 'f32'): Tensor {
  return rawOps.full(dtype, checkSizes('full', shape), value)
}

/** A tensor of `shape`, every element 0 (false). */
export const zeros = (shape: Sizes, dtype: DType = 'f32'): Tensor => full(shape, 0, dtype)
/** A tensor of `shape`, every element 1 (true). */
export const ones = (shape: Sizes, dtype: DType = 'f32'): Tensor => full(shape, 1, dtype)
/** Zeros of the shape and dtype of `x`. */
export const zerosLike = (x: Tensor): Tensor => rawOps.zerosLike(x)
/** Ones of the shape and dtype of `x`. */
export const onesLike = (x: Tensor): Tensor => rawOps.full(x.dtype, x.shape, 1)
/** 0, 1, ... n - 1. */
export const arange = (n: number, dtype: DType = 'i32'): Tensor => iota([n], 0, dtype)

/** A tensor of `shape` whose elements are their index along `axis`. */
export function iota(shape: Sizes, axis: number, dtype: DType = 'i32'): Tensor {
  return rawOps.iota(dtype, checkSizes('iota', shape), axis)
}

/** The identity matrix [n, n]. */
export function eye(n: number, dtype: DType = 'f32'): Tensor {
  return rawOps.cast(rawOps.eq(iota([n, n], 0), iota([n, n], 1)), dtype)
}
