import { type DType, isFloat } from '../dtype.ts'
import { countOf, rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape, normAxes, normAxis } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { Shape } from '../types.ts'
import type { Axes, AxesCheck, Reduced } from './axis-types.ts'
import type { BoolOnly, FloatOnly, NumberOnly } from './dtype-rules.ts'
import { requireBool, requireFloat } from './require.ts'

/**
 * Reductions, x [...S] -> S without `axes` (all if absent; with size 1 there if `keepDims`). All throw ShapeError for an
 * axis out of range and DTypeError for a dtype that they do not take.
 */
export interface ReduceOptions<K extends boolean = boolean> {
  /** Keeps reduced axes, with size 1. */
  readonly keepDims?: K
}

/** Sum over `axes`. */
export function sum<
  S extends Shape,
  D extends DType,
  const X extends Axes | undefined = undefined,
  const K extends boolean = false,
>(
  x: Tensor<S, D> & NumberOnly<'sum'>[D],
  axes?: X & AxesCheck<'sum', S, X>,
  options?: ReduceOptions<K>,
): Tensor<Reduced<S, X, K>, D>
export function sum(x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  return o.sum(x, axes, keepDims)
}

/** Greatest element over `axes`; -Infinity (or the least integer) over none. Ties share the gradient. */
export function max<
  S extends Shape,
  D extends DType,
  const X extends Axes | undefined = undefined,
  const K extends boolean = false,
>(x: Tensor<S, D>, axes?: X & AxesCheck<'max', S, X>, options?: ReduceOptions<K>): Tensor<Reduced<S, X, K>, D>
export function max(x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  return o.max(x, axes, keepDims)
}

/** Least element over `axes`; Infinity (or the greatest integer) over none. Ties share the gradient. */
export function min<
  S extends Shape,
  D extends DType,
  const X extends Axes | undefined = undefined,
  const K extends boolean = false,
>(x: Tensor<S, D>, axes?: X & AxesCheck<'min', S, X>, options?: ReduceOptions<K>): Tensor<Reduced<S, X, K>, D>
export function min(x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  return o.min(x, axes, keepDims)
}

/** Arithmetic mean over `axes`, computed in f32 for f16 (whose sums overflow). */
export function mean<
  S extends Shape,
  D extends DType,
  const X extends Axes | undefined = undefined,
  const K extends boolean = false,
>(
  x: Tensor<S, D> & FloatOnly<'mean'>[D],
  axes?: X & AxesCheck<'mean', S, X>,
  options?: ReduceOptions<K>,
): Tensor<Reduced<S, X, K>, D>
export function mean(x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  requireFloat('mean', x)
  const total = o.sum(o.cast(x, 'f32'), axes, keepDims)
  return o.cast(o.div(total, countOf(x, normAxes('mean', axes, x.rank))), x.dtype)
}

export interface VarianceOptions<K extends boolean = boolean> extends ReduceOptions<K> {
  /** Subtracted from the number of elements: 0 for the population, 1 for a sample. */
  readonly correction?: number
}

/** Mean of the squared distances from the mean over `axes`, in two passes, computed in f32 for f16. */
export function variance<
  S extends Shape,
  D extends DType,
  const X extends Axes | undefined = undefined,
  const K extends boolean = false,
>(
  x: Tensor<S, D> & FloatOnly<'variance'>[D],
  axes?: X & AxesCheck<'variance', S, X>,
  options?: VarianceOptions<K>,
): Tensor<Reduced<S, X, K>, D>
export function variance(x: Tensor, axes?: Axes, { keepDims = false, correction = 0 }: VarianceOptions = {}): Tensor {
  requireFloat('variance', x)
  const list = normAxes('variance', axes, x.rank)
  const count = countOf(x, list)
  const wide = o.cast(x, 'f32')
  const centred = o.sub(wide, o.div(o.sum(wide, list, true), count))
  return o.cast(o.div(o.sum(o.mul(centred, centred), list, keepDims), count - correction), x.dtype)
}

/** Whether any element over `axes` is true; bool. */
export function any<
  S extends Shape,
  D extends DType,
  const X extends Axes | undefined = undefined,
  const K extends boolean = false,
>(
  x: Tensor<S, D> & BoolOnly<'any'>[D],
  axes?: X & AxesCheck<'any', S, X>,
  options?: ReduceOptions<K>,
): Tensor<Reduced<S, X, K>, 'bool'>
export function any(x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  requireBool('any', x)
  return o.max(x, axes, keepDims)
}

/** Whether all elements over `axes` are true; bool. */
export function all<
  S extends Shape,
  D extends DType,
  const X extends Axes | undefined = undefined,
  const K extends boolean = false,
>(
  x: Tensor<S, D> & BoolOnly<'all'>[D],
  axes?: X & AxesCheck<'all', S, X>,
  options?: ReduceOptions<K>,
): Tensor<Reduced<S, X, K>, 'bool'>
export function all(x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  requireBool('all', x)
  return o.min(x, axes, keepDims)
}

/** i32 index of the first greatest element along `axis`, by default the last; NaN counts as greatest. */
export function argmax<S extends Shape, const X extends number = -1, const K extends boolean = false>(
  x: Tensor<S>,
  axis?: X & AxesCheck<'argmax', S, X>,
  options?: ReduceOptions<K>,
): Tensor<Reduced<S, X, K>, 'i32'>
export function argmax(x: Tensor, axis = -1, { keepDims = false }: ReduceOptions = {}): Tensor {
  return firstExtremum('argmax', o.max, x, axis, keepDims)
}

/** i32 index of the first least element along `axis`, by default the last; NaN counts as least. */
export function argmin<S extends Shape, const X extends number = -1, const K extends boolean = false>(
  x: Tensor<S>,
  axis?: X & AxesCheck<'argmin', S, X>,
  options?: ReduceOptions<K>,
): Tensor<Reduced<S, X, K>, 'i32'>
export function argmin(x: Tensor, axis = -1, { keepDims = false }: ReduceOptions = {}): Tensor {
  return firstExtremum('argmin', o.min, x, axis, keepDims)
}

function firstExtremum(name: string, reduce: typeof o.max, x: Tensor, axis: number, keepDims: boolean): Tensor {
  const a = normAxis(name, axis, x.rank)
  const n = x.shape[a]!
  if (n === 0) failShape(`${name}: axis ${a} of ${formatShape(x.shape)} is empty`, 'an extremum needs an element')
  const equal = o.eq(x, reduce(x, a, true))
  const hit = isFloat(x.dtype) ? o.or(equal, o.ne(x, x)) : equal
  return o.min(o.where(hit, o.iota('i32', x.shape, a), n - 1), a, keepDims)
}

/** Running sum along `axis`, x [...S] -> [...S], from the end if `reverse`. */
export function cumsum<S extends Shape, D extends DType, const X extends number>(
  x: Tensor<S, D> & NumberOnly<'cumsum'>[D],
  axis: X & AxesCheck<'cumsum', S, X>,
  options?: { readonly reverse?: boolean },
): Tensor<S, D>
export function cumsum(x: Tensor, axis: number, { reverse = false }: { readonly reverse?: boolean } = {}): Tensor {
  return o.cumsum(x, axis, reverse)
}
