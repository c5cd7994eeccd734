import type { DType } from '../dtype.ts'
import { rawOps as o } from '../raw-ops.ts'
import { broadcastShapes, failShape, formatShape, normAxis } from '../shape.ts'
import { isTensor, type Tensor } from '../tensor.ts'
import { stack } from './join.ts'

/**
 * Elements of x at integer indices along `axis`: x [...P, N, ...Q], indices [...I] -> [...P, ...I, ...Q]. Indices out
 * of range are clamped (a device cannot raise an error). @throws ShapeError, DTypeError
 */
export const take = (x: Tensor, indices: Tensor, axis = 0): Tensor =>
  o.gather(x, indices, { axis: normAxis('take', axis, x.rank), batch: 0 })

/**
 * For every position its own index along `axis`: x [...P, N, ...Q], indices [...P, M, ...Q] -> [...P, M, ...Q]. The
 * other dimensions broadcast; indices out of range are clamped. @throws ShapeError, DTypeError
 */
export function takeAlongAxis(x: Tensor, indices: Tensor, axis: number): Tensor {
  if (x.rank !== indices.rank) {
    failShape(
      `takeAlongAxis: ${formatShape(x.shape)} by indices ${formatShape(indices.shape)}`,
      'both must have one rank',
    )
  }
  const a = normAxis('takeAlongAxis', axis, x.rank)
  const rest = (t: Tensor): number[] => t.shape.filter((_, k) => k !== a)
  const shared = broadcastShapes('takeAlongAxis', rest(x), rest(indices))
  const rows = (t: Tensor): Tensor => o.broadcastTo(o.moveAxis(t, a, -1), [...shared, t.shape[a]!])
  return o.moveAxis(o.gather(rows(x), rows(indices), { axis: shared.length, batch: shared.length }), -1, a)
}

export interface GatherOptions {
  readonly axis: number
  /** Leading axes that x and indices share. */
  readonly batch?: number
}

/**
 * x [...B, ...P, N, ...Q], indices [...B, ...I] -> [...B, ...P, ...I, ...Q]; indices out of range are clamped.
 * @throws ShapeError, DTypeError
 */
export const gather = (x: Tensor, indices: Tensor, { axis, batch = 0 }: GatherOptions): Tensor =>
  o.gather(x, indices, { axis: normAxis('gather', axis, x.rank), batch })

/**
 * x [...B, ...P, N, ...Q] with updates [...B, ...P, ...I, ...Q] added at indices [...B, ...I] along `axis`; repeated
 * indices add up, those out of range are clamped. @throws ShapeError, DTypeError
 */
export const scatterAdd = (x: Tensor, indices: Tensor, updates: Tensor, { axis, batch = 0 }: GatherOptions): Tensor =>
  o.scatterAdd(x, indices, updates, { axis: normAxis('scatterAdd', axis, x.rank), batch })

/** Where a window starts: i32[rank], or one number or i32 scalar per axis. */
export type Starts = Tensor | readonly (number | Tensor)[]

/** The window of `sizes` at run-time `starts`, moved inside x where it would stick out. @throws ShapeError, DTypeError */
export const dynamicSlice = (x: Tensor, starts: Starts, sizes: readonly number[]): Tensor =>
  o.dynamicSlice(x, startsOf(starts), sizes)

/** x with the window at run-time `starts` replaced by `update`, moved inside x. @throws ShapeError, DTypeError */
export const dynamicUpdateSlice = (x: Tensor, update: Tensor, starts: Starts): Tensor =>
  o.dynamicUpdateSlice(x, update, startsOf(starts))

function startsOf(starts: Starts): Tensor {
  if (isTensor(starts)) return starts
  if (starts.length === 0) return o.full('i32', [0], 0)
  return stack(starts.map((s) => (isTensor(s) ? o.cast(s, 'i32') : o.full('i32', [], s))))
}

/** indices [...I] -> [...I, n]: 1 at the index, 0 elsewhere; an index out of range gives zeros. */
export function oneHot(indices: Tensor, n: number, dtype: DType = 'f32'): Tensor {
  const shape = [...indices.shape, n]
  return o.cast(o.eq(o.expandDims(indices, -1), o.iota(indices.dtype, shape, -1)), dtype)
}
