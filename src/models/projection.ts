import type { Tensor } from '../ir/tensor.ts'
import { biasedLinearSpec, linear } from '../nn/linear.ts'
import { layerNorm, layerNormSpec } from '../nn/norms.ts'
import type { WeightsOf } from '../nn/param.ts'
import { UnsupportedError } from '../util/errors.ts'

/** What brings image features into the space of token embeddings. */
export type ProjectionKind = 'baseline'

const EPS = 1e-12

/** Throws UnsupportedError for `vit` and `perceiver`, which the release has and weft has not yet, and for any other. */
export function projectionKind(name: string): ProjectionKind {
  if (name === 'baseline') return name
  throw new UnsupportedError(`projection ${JSON.stringify(name)}`, { hint: 'only baseline (linear, then LayerNorm)' })
}

/** Parameters of the projection from features of width D to embeddings of width E, named as in an nn.Sequential. */
export const projectionSpec = (_kind: ProjectionKind, D: number, E: number) =>
  [biasedLinearSpec(D, E), layerNormSpec(E)] as const

export type ProjectionParams = WeightsOf<ReturnType<typeof projectionSpec>>

/**
 * Image features [N,P,D] as embeddings [N,P,E]: a linear layer, then LayerNorm.
 * Source: DeepSpeed-VisualChat (arXiv:2309.14327), section 4, and the release's `vis_proj` "baseline".
 */
export const project = ([map, norm]: ProjectionParams, features: Tensor): Tensor =>
  layerNorm(linear(features, map), norm, EPS)
