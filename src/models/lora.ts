import { full } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { type Weight, weightShape } from '../nn/weight.ts'
import { replaceWeights } from './replace-weights.ts'

/** What is trained for one linear layer: R inner values between its I inputs and its O outputs. */
export type Adapter = {
  /** [R,I] */
  readonly down: Tensor
  /** [O,R] */
  readonly up: Tensor
}

/** Adapters by the name of the linear layer that they adapt: `model.layers.0.self_attn.q_proj`. */
export type Adapters = { readonly [module: string]: Adapter }

/** How strongly adapters act. */
export interface LoraScaling {
  /** What an adapter adds is multiplied by alpha / rank. DeepSpeed-VisualChat's alpha is 1. */
  readonly alpha: number
  /** Multiply by alpha / sqrt(rank) instead: rsLoRA, arXiv:2312.03732. */
  readonly rankStabilised?: boolean
}

export const loraScale = ({ alpha, rankStabilised = false }: LoraScaling, rank: number): number =>
  alpha / (rankStabilised ? Math.sqrt(rank) : rank)

/**
 * Parameters whose adapted layers compute W x + scale * up (down x); all others are those of `params`, a model's
 * parameters in which matrices may be any `Weight`. A pure function, so that gradients with respect to the adapters alone
 * are those of `adapters => loss(withLora(base, adapters, scaling), batch)`.
 *
 * Throws ValueError for an adapter of a layer that is not there, ShapeError for one that does not fit.
 * Source: LoRA (arXiv:2106.09685), section 4.1. There is no dropout before `down`.
 */
export const withLora = <P>(params: P, adapters: Adapters, scaling: LoraScaling): P =>
  replaceWeights(params, adapters, (base, adapter) => adapted(base, adapter, scaling))

function adapted(base: Weight, { down, up }: Adapter, scaling: LoraScaling): Weight {
  const weight = { base, down, up, scale: full([], loraScale(scaling, down.shape[0] ?? 1)) }
  weightShape(weight)
  return weight
}
