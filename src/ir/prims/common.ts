import { DTypeError } from '../../util/errors.ts'
import { userLocation } from '../../util/source.ts'
import { allocate, type DType, type HostArray } from '../dtype.ts'
import { formatType, type TensorType } from '../graph.ts'
import type { Ops } from '../ops-interface.ts'
import { sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'

/** @throws DTypeError always, with the user's source line. */
export function failDType(message: string, hint?: string): never {
  throw new DTypeError(message, { at: userLocation(), hint })
}

export const formatTypes = (types: readonly TensorType[]): string => types.map(formatType).join(', ')

export function requireDType(op: string, type: TensorType, allowed: readonly DType[]): void {
  if (!allowed.includes(type.dtype)) {
    failDType(`${op}: takes ${allowed.join(', ')}, got ${formatType(type)}`, `cast it first: cast(x, '${allowed[0]}')`)
  }
}

export const FLOATS: readonly DType[] = ['f32', 'f16']
export const INTS: readonly DType[] = ['i32', 'u32']
export const NUMBERS: readonly DType[] = ['f32', 'f16', 'i32', 'u32']

export const emptyArray = (type: TensorType): HostArray => ({
  dtype: type.dtype,
  shape: type.shape,
  data: allocate(type.dtype, sizeOf(type.shape)),
})

/** Calls `visit` with every index of a shape in row-major order; the array is reused between calls. */
export function forEachIndex(shape: readonly number[], visit: (index: number[], linear: number) => void): void {
  const n = sizeOf(shape)
  const index = new Array<number>(shape.length).fill(0)
  for (let linear = 0; linear < n; linear++) {
    visit(index, linear)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break
      index[axis] = 0
    }
  }
}

/** The input with the batch axis added, if it was not batched. */
export const ensureBatched = (o: Ops, x: Tensor, batched: boolean, size: number): Tensor =>
  batched
    ? x
    : o.broadcastInDim(
        x,
        [size, ...x.shape],
        x.shape.map((_, i) => i + 1),
      )
