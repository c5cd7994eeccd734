import { slice } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { biasedLinearSpec, linear } from '../nn/linear.ts'
import { layerNorm, layerNormSpec } from '../nn/norms.ts'
import { normal, type WeightsOf } from '../nn/param.ts'
import { resample, resamplerSpec } from './resampler.ts'

const EPS = 1e-12
const GRID = 16
const INIT = normal(0.02)

/** Embeddings that the perceiver gives per image, whatever the encoder gives. */
export const PERCEIVER_QUERIES = GRID * GRID

/** Parameters of the perceiver from features of width D to embeddings of width E. */
export const perceiverSpec = (D: number, E: number) => ({
  ...resamplerSpec(GRID, E),
  kv_proj: biasedLinearSpec(D, E, INIT),
  projection: [layerNormSpec(E), biasedLinearSpec(E, E, INIT)] as const,
})

export type PerceiverParams = WeightsOf<ReturnType<typeof perceiverSpec>>

/**
 * Features [N,T,D], with or without a class token before those of a square grid, as embeddings [N,256,E].
 * Source: the release's `vis_proj` "perceiver" (VisProjection_perceiver), which always drops the first feature; here an
 * encoder without a class token loses none.
 */
export function perceive(params: PerceiverParams, hasClassToken: boolean, features: Tensor): Tensor {
  const [N, T, D] = features.shape as readonly [number, number, number]
  const grid = hasClassToken ? slice(features, [0, 1, 0], [N, T, D]) : features
  const [norm, map] = params.projection
  return linear(layerNorm(resample(params, grid, EPS), norm, EPS), map)
}
