import type { DType } from '../dtype.ts'
import { rawOps as o } from '../raw-ops.ts'
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
  // Kept finite: infinite elements less an infinite greatest one would be NaN.
  const limit = x.dtype === 'f16' ? 65504 : 3.4028234663852886e38
  const greatest = o.minimum(o.maximum(o.stopGradient(o.max(x, axes, true)), -limit), limit)
  const total = o.log(o.sum(o.exp(o.sub(x, greatest)), axes, keepDims))
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
  const e = o.exp(shifted(x, axis))
  return o.div(e, o.sum(e, axis, true))
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
  const s = shifted(x, axis)
  return o.sub(s, o.log(o.sum(o.exp(s), axis, true)))
}
