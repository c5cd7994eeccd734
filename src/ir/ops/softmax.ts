import { rawOps as o } from '../raw-ops.ts'
import type { Tensor } from '../tensor.ts'
import { type Axes, type ReduceOptions, requireFloat } from './reduce.ts'

/**
 * log(sum(exp(x))) over `axes` (all if absent), without overflow. A row of -Infinity gives -Infinity.
 * @throws DTypeError for integers.
 */
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

/** exp(x) / sum(exp(x)) along `axis`. A row of -Infinity gives NaN. @throws DTypeError for integers. */
export function softmax(x: Tensor, axis = -1): Tensor {
  requireFloat('softmax', x)
  const e = o.exp(shifted(x, axis))
  return o.div(e, o.sum(e, axis, true))
}

/** log(softmax(x)) along `axis`, accurate where softmax underflows. @throws DTypeError for integers. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  requireFloat('logSoftmax', x)
  const s = shifted(x, axis)
  return o.sub(s, o.log(o.sum(o.exp(s), axis, true)))
}
