import { allocate, type DType, type HostArray, isInt, type TypedArray } from '../dtype.ts'
import { failDType } from '../prims/common.ts'
import { rawOps } from '../raw-ops.ts'
import { failShape, formatShape, sizeOf } from '../shape.ts'
import { flattenNumbers, fromHost, hostFromNumbers, type NestedNumbers, type Tensor } from '../tensor.ts'
import type { Shape } from '../types.ts'

type Sizes = readonly number[]

export interface TensorOptions<S extends Sizes = Sizes, D extends DType = DType> {
  readonly dtype?: D
  /** Shape of flat data; nested arrays state their own. */
  readonly shape?: S
}

/** Rank by nesting; the sizes are known at run time (`is` restates them). */
type NestedSizes<T> = [T] extends [number | boolean]
  ? readonly []
  : [T] extends [readonly (infer E)[]]
    ? readonly [number, ...NestedSizes<E>]
    : [T] extends [ArrayBufferView]
      ? readonly [number]
      : Sizes

type NestedDType<T> = [T] extends [boolean]
  ? 'bool'
  : [T] extends [number]
    ? 'f32'
    : [T] extends [readonly (infer E)[]]
      ? NestedDType<E>
      : [T] extends [Float32Array]
        ? 'f32'
        : [T] extends [Int32Array]
          ? 'i32'
          : [T] extends [Uint32Array]
            ? 'u32'
            : [T] extends [Uint16Array]
              ? 'f16'
              : DType

/**
 * -> a concrete tensor on the host, its elements copied from nested arrays, or from a typed array (row-major).
 * The dtype is f32 unless said: bool for booleans, and for typed arrays the one they store (Float32Array f32,
 * Int32Array i32, Uint32Array u32, Uint16Array f16 as raw bits).
 * @throws ShapeError for ragged rows, or a shape that the elements do not fill; DTypeError for fractions in an integer
 * tensor, or a Uint8Array without a dtype.
 */
export function tensor<
  T extends NestedNumbers | TypedArray,
  const S extends Sizes = NestedSizes<T>,
  D extends DType = NestedDType<T>,
>(data: T, options?: TensorOptions<S, D>): Tensor<S, D>
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

/** -> [...shape], every element `value`. @throws ShapeError for a dimension that is no size. */
export function full<const S extends readonly number[], D extends DType = 'f32'>(
  shape: S,
  value: number,
  dtype?: D,
): Tensor<S, D>
export function full(shape: Sizes, value: number, dtype: DType = 'f32'): Tensor {
  return rawOps.full(dtype, checkSizes('full', shape), value)
}

/** -> [...shape], every element 0 (false). @throws ShapeError for a dimension that is no size. */
export function zeros<const S extends readonly number[], D extends DType = 'f32'>(shape: S, dtype?: D): Tensor<S, D>
export function zeros(shape: Sizes, dtype: DType = 'f32'): Tensor {
  return rawOps.full(dtype, checkSizes('zeros', shape), 0)
}

/** -> [...shape], every element 1 (true). @throws ShapeError for a dimension that is no size. */
export function ones<const S extends readonly number[], D extends DType = 'f32'>(shape: S, dtype?: D): Tensor<S, D>
export function ones(shape: Sizes, dtype: DType = 'f32'): Tensor {
  return rawOps.full(dtype, checkSizes('ones', shape), 1)
}

/** x [...S] -> [...S], zeros of its dtype. */
export function zerosLike<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D>
export function zerosLike(x: Tensor): Tensor {
  return rawOps.zerosLike(x)
}

/** x [...S] -> [...S], ones of its dtype. */
export function onesLike<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D>
export function onesLike(x: Tensor): Tensor {
  return rawOps.full(x.dtype, x.shape, 1)
}

/** -> [...shape], each element its index along `axis`. @throws ShapeError for an axis out of range. */
export function iota<const S extends readonly number[], D extends DType = 'i32'>(
  shape: S,
  axis: number,
  dtype?: D,
): Tensor<S, D>
export function iota(shape: Sizes, axis: number, dtype: DType = 'i32'): Tensor {
  return rawOps.iota(dtype, checkSizes('iota', shape), axis)
}

/** -> [N]: 0, 1, ... n - 1. @throws ShapeError unless n is a size. */
export function arange<N extends number, D extends DType = 'i32'>(n: N, dtype?: D): Tensor<readonly [N], D>
export function arange(n: number, dtype: DType = 'i32'): Tensor {
  return rawOps.iota(dtype, checkSizes('arange', [n]), 0)
}

/** -> [N, N], the identity matrix. @throws ShapeError unless n is a size. */
export function eye<N extends number, D extends DType = 'f32'>(n: N, dtype?: D): Tensor<readonly [N, N], D>
export function eye(n: number, dtype: DType = 'f32'): Tensor {
  const shape = checkSizes('eye', [n, n])
  return rawOps.cast(rawOps.eq(rawOps.iota('i32', shape, 0), rawOps.iota('i32', shape, 1)), dtype)
}
