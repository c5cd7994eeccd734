import type { Tensor } from '../ir/tensor.ts'
import { biasedLinearSpec, linear } from '../nn/linear.ts'
import { layerNorm, layerNormSpec } from '../nn/norms.ts'
import type { WeightsOf } from '../nn/param.ts'
import { UnsupportedError, ValueError } from '../util/errors.ts'
import type { EncoderLayerConfig } from './clip-config.ts'
import { encoderLayer, encoderLayerSpec } from './encoder-layer.ts'
import { perceive, perceiverSpec } from './perceiver.ts'
import { resamplerProblem } from './resampler.ts'

/** What brings image features into the space of token embeddings, by the names of the release's `vis_proj`. */
export const PROJECTION_KINDS = ['baseline', 'vit', 'perceiver'] as const
export type ProjectionKind = (typeof PROJECTION_KINDS)[number]

/** Throws UnsupportedError for a name that the release does not have. */
export function projectionKind(name: string): ProjectionKind {
  const kind = PROJECTION_KINDS.find((k) => k === name)
  if (kind) return kind
  throw new UnsupportedError(`projection ${JSON.stringify(name)}`, { hint: PROJECTION_KINDS.join(', ') })
}

/** What a projection must know of the encoder before it; all but the width is for `vit` and `perceiver`. */
export interface FeatureConfig extends EncoderLayerConfig {
  /** Whether a class token stands before the features of the grid. */
  readonly hasClassToken: boolean
}

const EPS = 1e-12

const baselineSpec = (D: number, E: number) => [biasedLinearSpec(D, E), layerNormSpec(E)] as const
const vitSpec = (config: EncoderLayerConfig, E: number) => ({
  vis_layer: encoderLayerSpec(config),
  projection: baselineSpec(config.hidden_size, E),
})

/**
 * Parameters of the projection from features of width D = hidden_size to embeddings of width E, under the release's
 * names.
 *
 * Throws ValueError for an E that the perceiver's heads of 128 do not divide.
 */
export function projectionSpec(kind: ProjectionKind, config: FeatureConfig, E: number) {
  if (kind === 'baseline') return baselineSpec(config.hidden_size, E)
  if (kind === 'vit') return vitSpec(config, E)
  const problem = resamplerProblem(E)
  if (problem) throw new ValueError(`perceiver: embedding width ${problem}`, { hint: 'baseline takes any width' })
  return perceiverSpec(config.hidden_size, E)
}

export type ProjectionParams = WeightsOf<ReturnType<typeof projectionSpec>>

/**
 * Image features [N,P,D] as embeddings [N,Q,E]: a linear layer and LayerNorm (`baseline`, Q = P), the same behind one
 * more layer of the encoder (`vit`), or a resampler of 256 queries (`perceiver`).
 * Source: DeepSpeed-VisualChat (arXiv:2309.14327), section 4, and the release's `vis_proj`.
 */
export function project(params: ProjectionParams, config: FeatureConfig, features: Tensor): Tensor {
  if ('query' in params) return perceive(params, config.hasClassToken, features)
  if ('vis_layer' in params) return baseline(params.projection, encoderLayer(params.vis_layer, config, features))
  return baseline(params, features)
}

const baseline = ([map, norm]: WeightsOf<ReturnType<typeof baselineSpec>>, features: Tensor): Tensor =>
  layerNorm(linear(features, map), norm, EPS)
