import type { DType } from '../dtype.ts'
import { rawOps as o } from '../raw-ops.ts'
import { normAxes, normAxis } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { Shape } from '../types.ts'
import type { Axes, AxesCheck, Reduced } from './axis-types.ts'
import type { FloatOnly } from './dtype-rules.ts'
import type { ReduceOptions } from './reduce.ts'
import { requireFloat } from './require.ts'

/**
 * x [...S] -> S without `axes` (all if absent): log(sum(exp(x))), without overflow. A row of -Infinity gives -Infinity.
 * @throws ShapeError for an axis out of range; DTypeError for integers.
 */
export function logsumexp<
  S extends Shape,
  D extends DType,
  const X extends Axes | undefined = undefined,
  const K extends boolean = false,
>(
  x: Tensor<S, D> & FloatOnly<'logsumexp'>[D],
  axes?: X & AxesCheck<'logsumexp', S, X>,
  options?: ReduceOptions<K>,
): Tensor<Reduced<S, X, K>, D>
export function logsumexp(x: Tensor, axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
  requireFloat('logsumexp', x)
  const list = normAxes('logsumexp', axes, x.rank)
  // Kept finite: infinite elements less an infinite greatest one would be NaN.
  const limit = x.dtype === 'f16' ? 65504 : 3.4028234663852886e38
  const greatest = o.minimum(o.maximum(o.stopGradient(o.max(x, list, true)), -limit), limit)
  const total = o.log(o.sum(o.exp(o.sub(x, greatest)), list, keepDims))
  return o.add(total, o.reshape(greatest, total.shape))
}

/** x less its greatest element along `axis`, through which no gradient need flow: softmax does not change with it. */
const shifted = (x: Tensor, axis: number): Tensor => o.sub(x, o.stopGradient(o.max(x, axis, true)))

/**
 * x [...S] -> [...S]: exp(x) / sum(exp(x)) along `axis`, by default the last. A row of -Infinity gives NaN.
 * @throws ShapeError for an axis out of range; DTypeError for integers.
 */
export function softmax<S extends Shape, D extends DType, const X extends number = -1>(
  x: Tensor<S, D> & FloatOnly<'softmax'>[D],
  axis?: X & AxesCheck<'softmax', S, X>,
): Tensor<S, D>
export function softmax(x: Tensor, axis = -1): Tensor {
  requireFloat('softmax', x)
  const a = normAxis('softmax', axis, x.rank)
  const e = o.exp(shifted(x, a))
  return o.div(e, o.sum(e, a, true))
}

/**
 * x [...S] -> [...S]: log(softmax(x)) along `axis`, by default the last; accurate where softmax underflows.
 * @throws ShapeError for an axis out of range; DTypeError for integers.
 */
export function logSoftmax<S extends Shape, D extends DType, const X extends number = -1>(
  x: Tensor<S, D> & FloatOnly<'logSoftmax'>[D],
  axis?: X & AxesCheck<'logSoftmax', S, X>,
): Tensor<S, D>
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  requireFloat('logSoftmax', x)
  const a = normAxis('logSoftmax', axis, x.rank)
  const s = shifted(x, a)
  return o.sub(s, o.log(o.sum(o.exp(s), a, true)))
}
