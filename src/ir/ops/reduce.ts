import { isFloat } from '../dtype.ts'
import { failDType } from '../prims/common.ts'
import { countOf, rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape, normAxes, normAxis } from '../shape.ts'
import type { Tensor } from '../tensor.ts'

export type Axes = number | readonly number[]
export interface ReduceOptions {
  /** Keeps reduced axes, with size 1. */
  readonly keepDims?: boolean
}

/** Sum over `axes` (all if absent). */
export const sum = (x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor =>
  o.sum(x, axes, keepDims)
/** Greatest element over `axes`; -Infinity (or the least integer) over none. */
export const max = (x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor =>
  o.max(x, axes, keepDims)
/** Least element over `axes`; Infinity (or the greatest integer) over none. */
export const min = (x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor =>
  o.min(x, axes, keepDims)

/** Arithmetic mean over `axes`, in f32 for f16 (whose sums overflow). @throws DTypeError for integers. */
export function mean(x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  requireFloat('mean', x)
  const total = o.sum(o.cast(x, 'f32'), axes, keepDims)
  return o.cast(o.div(total, countOf(x, normAxes('mean', axes, x.rank))), x.dtype)
}

export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the number of elements: 0 for the population, 1 for a sample. */
  readonly correction?: number
}

/** Mean of the squared distances from the mean over `axes`, in two passes. @throws DTypeError for integers. */
export function variance(x: Tensor, axes?: Axes, { keepDims = false, correction = 0 }: VarianceOptions = {}): Tensor {
  requireFloat('variance', x)
  const wide = o.cast(x, 'f32')
  const centred = o.sub(wide, mean(wide, axes, { keepDims: true }))
  const count = countOf(x, normAxes('variance', axes, x.rank)) - correction
  return o.cast(o.div(o.sum(o.mul(centred, centred), axes, keepDims), count), x.dtype)
}

/** Whether any element over `axes` is true. @throws DTypeError unless x is bool. */
export function any(x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  requireBool('any', x)
  return o.max(x, axes, keepDims)
}

/** Whether all elements over `axes` are true. @throws DTypeError unless x is bool. */
export function all(x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  requireBool('all', x)
  return o.min(x, axes, keepDims)
}

/** i32 index of the first greatest element along `axis`; NaN counts as greatest. */
export const argmax = (x: Tensor, axis = -1, { keepDims = false }: ReduceOptions = {}): Tensor =>
  firstExtremum('argmax', o.max, x, axis, keepDims)
/** i32 index of the first least element along `axis`; NaN counts as least. */
export const argmin = (x: Tensor, axis = -1, { keepDims = false }: ReduceOptions = {}): Tensor =>
  firstExtremum('argmin', o.min, x, axis, keepDims)

function firstExtremum(name: string, reduce: typeof o.max, x: Tensor, axis: number, keepDims: boolean): Tensor {
  const a = normAxis(name, axis, x.rank)
  const n = x.shape[a]!
  if (n === 0) failShape(`${name}: axis ${a} of ${formatShape(x.shape)} is empty`, 'an extremum needs an element')
  const equal = o.eq(x, reduce(x, a, true))
  const hit = isFloat(x.dtype) ? o.or(equal, o.ne(x, x)) : equal
  return o.min(o.where(hit, o.iota('i32', x.shape, a), n - 1), a, keepDims)
}

/** Running sum along `axis`, from the end if `reverse`. */
export const cumsum = (x: Tensor, axis: number, { reverse = false }: { readonly reverse?: boolean } = {}): Tensor =>
  o.cumsum(x, axis, reverse)

/** @throws DTypeError unless x is f32 or f16. */
export function requireFloat(op: string, x: Tensor): void {
  if (!isFloat(x.dtype)) {
    failDType(`${op}: takes f32, f16, got ${x.dtype}${formatShape(x.shape)}`, "cast it first: cast(x, 'f32')")
  }
}

function requireBool(op: string, x: Tensor): void {
  if (x.dtype !== 'bool') {
    failDType(`${op}: takes bool, got ${x.dtype}${formatShape(x.shape)}`, 'compare first: ne(x, 0)')
  }
}
