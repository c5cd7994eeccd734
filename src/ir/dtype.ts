import { DTypeError } from '../util/errors.ts'

/** Element types. `bool` is stored as one byte on the host and as u32 on devices. */
export type DType = 'f32' | 'f16' | 'i32' | 'u32' | 'bool'
export type FloatDType = 'f32' | 'f16'
export type IntDType = 'i32' | 'u32'

export const DTYPES: readonly DType[] = ['f32', 'f16', 'i32', 'u32', 'bool']

/** Host storage. f16 is kept as raw bits in a Uint16Array, bool as 0/1 bytes. */
export type TypedArray = Float32Array | Int32Array | Uint32Array | Uint16Array | Uint8Array
export interface DataOf {
  f32: Float32Array
  f16: Uint16Array
  i32: Int32Array
  u32: Uint32Array
  bool: Uint8Array
}

/** A tensor's contents on the host, row-major. What readers of files return and devices take. */
export interface HostArray<D extends DType = DType> {
  readonly dtype: D
  readonly shape: readonly number[]
  readonly data: DataOf[D]
}

export const isFloat = (d: DType): d is FloatDType => d === 'f32' || d === 'f16'
export const isInt = (d: DType): d is IntDType => d === 'i32' || d === 'u32'

/** Bytes per element on the host. */
export const bytesPerElement = (d: DType): number => (d === 'bool' ? 1 : d === 'f16' ? 2 : 4)

export function allocate<D extends DType>(dtype: D, length: number): DataOf[D]
export function allocate(dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(length)
    case 'f16':
      return new Uint16Array(length)
    case 'i32':
      return new Int32Array(length)
    case 'u32':
      return new Uint32Array(length)
    case 'bool':
      return new Uint8Array(length)
    default:
      throw new DTypeError(`unknown dtype ${String(dtype)}`, { hint: `one of ${DTYPES.join(', ')}` })
  }
}

const bits = new Uint32Array(1)
const single = new Float32Array(bits.buffer)

/** IEEE half bits to a number. */
export function f16ToNumber(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return (sign ? -1 : 1) * fraction * 2 ** -24
  bits[0] = sign | (exponent === 31 ? 0x7f800000 | (fraction << 13) : ((exponent + 112) << 23) | (fraction << 13))
  return single[0]!
}

/** A number to IEEE half bits, round to nearest even. */
export function numberToF16(value: number): number {
  single[0] = value
  const x = bits[0]!
  const sign = (x >>> 16) & 0x8000
  const magnitude = x & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x33000001) return sign
  if (magnitude < 0x38800000) {
    const shift = 126 - (magnitude >>> 23)
    const mantissa = (magnitude & 0x7fffff) | 0x800000
    return sign | roundShift(mantissa, shift)
  }
  return sign | (roundShift(magnitude - 0x38000000, 13) & 0x7fff)
}

function roundShift(value: number, shift: number): number {
  const kept = value >>> shift
  const rest = value & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept
}

/** Element i as a number (f16 decoded). */
export const getElement = (a: HostArray, i: number): number =>
  a.dtype === 'f16' ? f16ToNumber(a.data[i]!) : a.data[i]!

/** Writes a number as element i, rounded or wrapped as the dtype does. */
export function setElement(a: HostArray, i: number, v: number): void {
  a.data[i] = a.dtype === 'f16' ? numberToF16(v) : a.dtype === 'bool' ? Number(v !== 0) : v
}
