import type { DType } from '../dtype.ts'
import { rawOps as o } from '../raw-ops.ts'
import { broadcastShapes, failShape, formatShape, normAxis } from '../shape.ts'
import { isTensor, type Tensor } from '../tensor.ts'
import type { IsWide, Shape } from '../types.ts'
import type { AxesCheck, InsertAt, ReplaceAxis } from './axis-types.ts'
import type { Broadcast } from './broadcast-types.ts'
import type { IntOnly } from './dtype-rules.ts'
import { stack } from './join.ts'
import { requireInt } from './require.ts'

/**
 * x [...P, N, ...Q], integer indices [...I] -> [...P, ...I, ...Q]: elements along `axis`, by default the first. Indices
 * out of range are clamped (a device cannot raise an error).
 * @throws ShapeError for an axis out of range; DTypeError unless indices are integers.
 */
export function take<S extends Shape, D extends DType, I extends Shape, E extends DType, const X extends number = 0>(
  x: Tensor<S, D>,
  indices: Tensor<I, E> & IntOnly<'take'>[E],
  axis?: X & AxesCheck<'take', S, X>,
): Tensor<InsertAt<S, X, I>, D>
export function take(x: Tensor, indices: Tensor, axis = 0): Tensor {
  requireInt('take', indices)
  return o.gather(x, indices, { axis: normAxis('take', axis, x.rank), batch: 0 })
}

/**
 * x [...P, N, ...Q], integer indices [...P, M, ...Q] -> [...P, M, ...Q]: for every position its own index along `axis`.
 * The other dimensions broadcast; indices out of range are clamped.
 * @throws ShapeError where ranks differ or dimensions do not broadcast; DTypeError unless indices are integers.
 */
export function takeAlongAxis<
  S extends Shape,
  D extends DType,
  I extends Shape,
  E extends DType,
  const X extends number,
>(
  x: Tensor<S, D>,
  indices: Tensor<I, E> & IntOnly<'takeAlongAxis'>[E],
  axis: X & AxesCheck<'takeAlongAxis', S, X>,
): Tensor<Broadcast<ReplaceAxis<S, X, 1>, I>, D>
export function takeAlongAxis(x: Tensor, indices: Tensor, axis: number): Tensor {
  requireInt('takeAlongAxis', indices)
  if (x.rank !== indices.rank) {
    failShape(
      `takeAlongAxis: ${formatShape(x.shape)} by indices ${formatShape(indices.shape)}`,
      'both must have one rank; take gives whole slices',
    )
  }
  const a = normAxis('takeAlongAxis', axis, x.rank)
  const rest = (t: Tensor): number[] => t.shape.filter((_, k) => k !== a)
  const shared = broadcastShapes('takeAlongAxis', rest(x), rest(indices))
  const rows = (t: Tensor): Tensor => {
    const last = o.moveAxis(t, a, -1)
    return o.broadcastTo(last, [...shared, t.shape[a]!])
  }
  return o.moveAxis(o.gather(rows(x), rows(indices), { axis: shared.length, batch: shared.length }), -1, a)
}

export interface GatherOptions {
  readonly axis: number
  /** Leading axes that x and indices share; 0 unless said. */
  readonly batch?: number
}

/**
 * x [...B, ...P, N, ...Q], indices [...B, ...I] -> [...B, ...P, ...I, ...Q]: the general form of `take`, with `batch`
 * axes B in common. Indices out of range are clamped.
 * @throws ShapeError where the axes B differ; DTypeError unless indices are integers.
 */
export function gather<D extends DType>(x: Tensor<Shape, D>, indices: Tensor, options: GatherOptions): Tensor<Shape, D>
export function gather(x: Tensor, indices: Tensor, { axis, batch = 0 }: GatherOptions): Tensor {
  return o.gather(x, indices, { axis: normAxis('gather', axis, x.rank), batch })
}

/**
 * x [...B, ...P, N, ...Q], indices [...B, ...I], updates [...B, ...P, ...I, ...Q] -> x with the updates added at the
 * indices along `axis`. Repeated indices add up; those out of range are clamped.
 * @throws ShapeError where the shapes do not agree; DTypeError unless indices are integers and the rest of one dtype.
 */
export function scatterAdd<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  indices: Tensor,
  updates: Tensor,
  options: GatherOptions,
): Tensor<S, D>
export function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, { axis, batch = 0 }: GatherOptions): Tensor {
  return o.scatterAdd(x, indices, updates, { axis: normAxis('scatterAdd', axis, x.rank), batch })
}

/** Where a window starts: i32[rank], or one number or integer scalar per axis. */
export type Starts = Tensor | readonly (number | Tensor)[]

/**
 * x [...S] -> [...sizes]: the window at run-time `starts`, moved inside x where it would stick out.
 * @throws ShapeError unless there is a start and a size that fits for every axis; DTypeError for starts not i32.
 */
export function dynamicSlice<D extends DType, const T extends readonly number[]>(
  x: Tensor<Shape, D>,
  starts: Starts,
  sizes: T,
): Tensor<T, D>
export function dynamicSlice(x: Tensor, starts: Starts, sizes: readonly number[]): Tensor {
  return o.dynamicSlice(x, startsOf(starts), sizes)
}

/**
 * x [...S], update [...U] -> x with the window at run-time `starts` replaced, moved inside x where it would stick out.
 * @throws ShapeError unless the update fits and there is a start for every axis; DTypeError where dtypes differ.
 */
export function dynamicUpdateSlice<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  update: Tensor,
  starts: Starts,
): Tensor<S, D>
export function dynamicUpdateSlice(x: Tensor, update: Tensor, starts: Starts): Tensor {
  return o.dynamicUpdateSlice(x, update, startsOf(starts))
}

function startsOf(starts: Starts): Tensor {
  if (isTensor(starts)) return starts
  if (starts.length === 0) return o.full('i32', [0], 0)
  return stack(starts.map((s): Tensor => (isTensor(s) ? o.cast(s, 'i32') : o.full('i32', [], s))))
}

/**
 * Integer indices [...I] -> [...I, N]: 1 at the index, 0 elsewhere; an index out of range gives zeros.
 * @throws DTypeError unless indices are integers.
 */
export function oneHot<I extends Shape, E extends DType, N extends number, D extends DType = 'f32'>(
  indices: Tensor<I, E> & IntOnly<'oneHot'>[E],
  n: N,
  dtype?: D,
): Tensor<IsWide<I> extends true ? Shape : readonly [...I, N], D>
export function oneHot(indices: Tensor, n: number, dtype: DType = 'f32'): Tensor {
  requireInt('oneHot', indices)
  const position = o.iota(indices.dtype, [...indices.shape, n], -1)
  return o.cast(o.eq(o.expandDims(indices, -1), position), dtype)
}
