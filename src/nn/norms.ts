import { add, cast, mean, mul, rsqrt, square, sub } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { ones, type ParamSpec, param, zeros } from './param.ts'

/**
 * x [..., D] brought to mean 0 and variance 1 over D, times weight [D], plus bias [D]. Statistics in f32, the result in
 * x's dtype. Source: Ba et al., Layer Normalization (arXiv:1607.06450).
 */
export function layerNorm(
  x: Tensor,
  { weight, bias }: { readonly weight: Tensor; readonly bias: Tensor },
  eps: number,
): Tensor {
  const wide = cast(x, 'f32')
  const centred = sub(wide, mean(wide, -1, { keepDims: true }))
  const variance = mean(square(centred), -1, { keepDims: true })
  const normal = cast(mul(centred, rsqrt(add(variance, eps))), x.dtype)
  return add(mul(normal, weight), bias)
}

/**
 * x [..., D] divided by its root mean square over D, times weight [D]. Statistics in f32, the result in x's dtype.
 * Source: Zhang and Sennrich, Root Mean Square Layer Normalization (arXiv:1910.07467).
 */
export function rmsNorm(x: Tensor, { weight }: { readonly weight: Tensor }, eps: number): Tensor {
  const wide = cast(x, 'f32')
  const normal = mul(wide, rsqrt(add(mean(square(wide), -1, { keepDims: true }), eps)))
  return mul(cast(normal, x.dtype), weight)
}

export const rmsNormSpec = (D: number): { readonly weight: ParamSpec } => ({ weight: param([D], ones) })
export const layerNormSpec = (D: number) => ({ ...rmsNormSpec(D), bias: param([D], zeros) })
