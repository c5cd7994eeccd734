import type { DType } from '../dtype.ts'
import type { Operand } from '../ops-interface.ts'
import { rawOps as o } from '../raw-ops.ts'
import type { Tensor } from '../tensor.ts'
import type { Shape } from '../types.ts'
import type { Arithmetic, BinaryCheck } from './broadcast-types.ts'
import type { FloatOnly, NumberOnly } from './dtype-rules.ts'
import { requireFloat } from './require.ts'

/** Activation functions, x [...S] -> [...S]. All throw DTypeError for a dtype that they do not take. */

/** x². */
export function square<S extends Shape, D extends DType>(x: Tensor<S, D> & NumberOnly<'square'>[D]): Tensor<S, D>
export function square(x: Tensor): Tensor {
  return o.mul(x, x)
}

/** max(x, 0). The derivative at 0 is 0, as PyTorch has it (`maximum` would give 1/2), and NaN stays NaN. */
export function relu<S extends Shape, D extends DType>(x: Tensor<S, D> & NumberOnly<'relu'>[D]): Tensor<S, D>
export function relu(x: Tensor): Tensor {
  return o.where(o.le(x, 0), 0, x)
}

/** x sigmoid(x), also called swish. Source: Elfwing et al., arXiv:1702.03118. */
export function silu<S extends Shape, D extends DType>(x: Tensor<S, D> & FloatOnly<'silu'>[D]): Tensor<S, D>
export function silu(x: Tensor): Tensor {
  requireFloat('silu', x)
  return o.mul(x, o.sigmoid(x))
}

/** x Phi(x), Phi the normal distribution function, by erf. Source: Hendrycks and Gimpel, arXiv:1606.08415. */
export function gelu<S extends Shape, D extends DType>(x: Tensor<S, D> & FloatOnly<'gelu'>[D]): Tensor<S, D>
export function gelu(x: Tensor): Tensor {
  requireFloat('gelu', x)
  return o.mul(o.mul(x, 0.5), o.add(o.erf(o.mul(x, Math.SQRT1_2)), 1))
}

/** The tanh approximation of gelu, section 2 of the same paper. */
export function geluTanh<S extends Shape, D extends DType>(x: Tensor<S, D> & FloatOnly<'geluTanh'>[D]): Tensor<S, D>
export function geluTanh(x: Tensor): Tensor {
  requireFloat('geluTanh', x)
  const cubic = o.add(x, o.mul(o.mul(o.mul(x, x), x), 0.044715))
  return o.mul(o.mul(x, 0.5), o.add(o.tanh(o.mul(cubic, Math.sqrt(2 / Math.PI))), 1))
}

/** The sigmoid approximation of gelu, x sigmoid(1.702 x), which OpenAI's CLIP uses. */
export function quickGelu<S extends Shape, D extends DType>(x: Tensor<S, D> & FloatOnly<'quickGelu'>[D]): Tensor<S, D>
export function quickGelu(x: Tensor): Tensor {
  requireFloat('quickGelu', x)
  return o.mul(x, o.sigmoid(o.mul(x, 1.702)))
}

/** log(1 + exp(x)), without overflow. */
export function softplus<S extends Shape, D extends DType>(x: Tensor<S, D> & FloatOnly<'softplus'>[D]): Tensor<S, D>
export function softplus(x: Tensor): Tensor {
  requireFloat('softplus', x)
  return o.add(o.maximum(x, 0), o.log(o.add(o.exp(o.neg(o.abs(x))), 1)))
}

/** x moved into [low, high]; the bounds broadcast with x. @throws ShapeError where they do not. */
export function clip<X extends Tensor, L extends Operand, H extends Operand>(
  x: X,
  low: L & BinaryCheck<'clip', X, L>,
  high: H & BinaryCheck<'clip', X, H>,
): Arithmetic<Arithmetic<X, L>, H>
export function clip(x: Tensor, low: Operand, high: Operand): Tensor {
  return o.minimum(o.maximum(x, low), high)
}
