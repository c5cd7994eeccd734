import { type DType, isFloat } from '../dtype.ts'
import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape, normAxis } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { Shape } from '../types.ts'
import type { AxesCheck, ReplaceAxis } from './axis-types.ts'
import { takeAlongAxis } from './indexing.ts'

/**
 * Sorting by counting: the rank of an element is the number of elements before it, and the permutation puts every
 * index at its rank. No data-dependent control flow, every rank in parallel; the work is O(n²) per row, so meant for
 * thousands of elements, not for millions.
 */
export interface SortOptions {
  readonly descending?: boolean
}

/**
 * x [...S] -> i32 [...S]: the permutation that sorts x along `axis`, by default the last; stable, NaN last.
 * @throws ShapeError for an axis out of range.
 */
export function argsort<S extends Shape, const X extends number = -1>(
  x: Tensor<S>,
  axis?: X & AxesCheck<'argsort', S, X>,
  options?: SortOptions,
): Tensor<S, 'i32'>
export function argsort(x: Tensor, axis = -1, { descending = false }: SortOptions = {}): Tensor {
  const a = normAxis('argsort', axis, x.rank)
  const rows = o.moveAxis(x, a, -1)
  return o.moveAxis(firstByRank(rankOf(rows, descending), rows.shape.at(-1)!), -1, a)
}

/**
 * x [...S] -> [...S], sorted along `axis`, by default the last; NaN last. Differentiable.
 * @throws ShapeError for an axis out of range.
 */
export function sort<S extends Shape, D extends DType, const X extends number = -1>(
  x: Tensor<S, D>,
  axis?: X & AxesCheck<'sort', S, X>,
  options?: SortOptions,
): Tensor<S, D>
export function sort(x: Tensor, axis = -1, options: SortOptions = {}): Tensor {
  const a = normAxis('sort', axis, x.rank)
  return takeAlongAxis(x, argsort(x, a, options), a)
}

/**
 * x [...B, N] -> the K greatest elements in descending order and their i32 indices, both [...B, K]. Of equal elements
 * the first comes first; NaN comes last. Differentiable in x.
 * @throws ShapeError unless 0 <= k <= N.
 */
export function topK<S extends Shape, D extends DType, K extends number>(
  x: Tensor<S, D>,
  k: K,
): { values: Tensor<ReplaceAxis<S, -1, K>, D>; indices: Tensor<ReplaceAxis<S, -1, K>, 'i32'> }
export function topK(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  const n = x.shape[normAxis('topK', -1, x.rank)]!
  if (!Number.isInteger(k) || k < 0 || k > n) {
    failShape(`topK: ${k} of the last axis of ${formatShape(x.shape)}`, `k must be from 0 to ${n}`)
  }
  const indices = firstByRank(rankOf(x, true), k)
  return { values: takeAlongAxis(x, indices, -1), indices }
}

/** Number of elements that come before each, along the last axis. */
function rankOf(rows: Tensor, descending: boolean): Tensor {
  const x = rows.dtype === 'bool' ? o.cast(rows, 'i32') : rows
  const n = x.shape.at(-1)!
  const self = o.expandDims(x, -1)
  const other = o.expandDims(x, -2)
  const precedes = (a: Tensor, b: Tensor): Tensor => {
    const less = descending ? o.gt(a, b) : o.lt(a, b)
    return isFloat(x.dtype) ? o.or(less, o.and(o.eq(a, a), o.ne(b, b))) : less
  }
  const earlier = o.lt(o.iota('i32', [n, n], 1), o.iota('i32', [n, n], 0))
  const before = o.or(precedes(other, self), o.and(o.not(precedes(self, other)), earlier))
  return o.sum(o.cast(before, 'i32'), -1)
}

/** Indices of the elements of rank 0 to k - 1, in order of rank. */
function firstByRank(rank: Tensor, k: number): Tensor {
  const batch = rank.rank - 1
  const zeros = o.full('i32', [...rank.shape.slice(0, batch), k], 0)
  if (zeros.size === 0) return zeros
  // Ranks beyond k are clamped to k - 1 by the scatter; they add nothing there.
  const positions = o.where(o.lt(rank, k), o.iota('i32', rank.shape, batch), 0)
  return o.scatterAdd(zeros, rank, positions, { axis: batch, batch })
}
