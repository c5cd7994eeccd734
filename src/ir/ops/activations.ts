import type { Operand } from '../ops-interface.ts'
import { rawOps as o } from '../raw-ops.ts'
import type { Tensor } from '../tensor.ts'

/** x². */
export const square = (x: Tensor): Tensor => o.mul(x, x)

/** max(x, 0). The derivative at 0 is 0, as PyTorch has it (`maximum` would give 1/2), and NaN stays NaN. */
export const relu = (x: Tensor): Tensor => o.where(o.le(x, 0), 0, x)

/** x sigmoid(x), also called swish. Source: Elfwing et al., arXiv:1702.03118. */
export const silu = (x: Tensor): Tensor => o.mul(x, o.sigmoid(x))

/** x Phi(x), Phi the normal distribution function, by erf. Source: Hendrycks and Gimpel, arXiv:1606.08415. */
export const gelu = (x: Tensor): Tensor => o.mul(o.mul(x, 0.5), o.add(o.erf(o.mul(x, Math.SQRT1_2)), 1))

/** The tanh approximation of gelu, section 2 of the same paper. */
export function geluTanh(x: Tensor): Tensor {
  const cubic = o.add(x, o.mul(o.mul(o.mul(x, x), x), 0.044715))
  return o.mul(o.mul(x, 0.5), o.add(o.tanh(o.mul(cubic, Math.sqrt(2 / Math.PI))), 1))
}

/** The sigmoid approximation of gelu, x sigmoid(1.702 x), which OpenAI's CLIP uses. */
export const quickGelu = (x: Tensor): Tensor => o.mul(x, o.sigmoid(o.mul(x, 1.702)))

/** log(1 + exp(x)), without overflow. */
export const softplus = (x: Tensor): Tensor => o.add(o.maximum(x, 0), o.log(o.add(o.exp(o.neg(o.abs(x))), 1)))

/** x moved into [low, high]. */
export const clip = (x: Tensor, low: Operand, high: Operand): Tensor => o.minimum(o.maximum(x, low), high)
