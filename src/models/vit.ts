import { add, broadcastTo, concat } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { layerNorm, layerNormSpec } from '../nn/norms.ts'
import { normal, param, type WeightsOf } from '../nn/param.ts'
import type { ClipVisionConfig } from './clip-config.ts'
import { encoderLayer, encoderLayerSpec } from './encoder-layer.ts'
import { patchEmbedding } from './patches.ts'

/** Hugging Face's initializer_range for CLIP. */
const INIT = normal(0.02)

/** Tokens that the tower gives per image: one per patch, and the class token. */
export const clipTokens = ({ image_size, patch_size }: ClipVisionConfig): number => (image_size / patch_size) ** 2 + 1

/** The parameters of a CLIP vision tower under Hugging Face's names ("pre_layrnorm" is theirs). */
export function clipVisionSpec(config: ClipVisionConfig) {
  const { hidden_size: D, patch_size: P, num_channels: C } = config
  return {
    vision_model: {
      embeddings: {
        class_embedding: param([D], INIT),
        patch_embedding: { weight: param([D, C, P, P], INIT) },
        position_embedding: { weight: param([clipTokens(config), D], INIT) },
      },
      pre_layrnorm: layerNormSpec(D),
      encoder: { layers: Array.from({ length: config.num_hidden_layers }, () => encoderLayerSpec(config)) },
      // In every checkpoint; the last hidden state is taken before it.
      post_layernorm: layerNormSpec(D),
    },
  }
}

export type ClipVisionParams = WeightsOf<ReturnType<typeof clipVisionSpec>>

/**
 * The last hidden state [N,T,D] of pixels [N,C,S,S] (normalised as CLIP's preprocessor does): after the encoder, before
 * `post_layernorm`, the class token first.
 *
 * Throws ShapeError for images of another size.
 * Source: CLIP (arXiv:2103.00020), section 2.4, as Hugging Face's CLIPVisionModel computes it.
 */
export function clipVision(params: ClipVisionParams, config: ClipVisionConfig, pixels: Tensor): Tensor {
  const { embeddings, pre_layrnorm, encoder } = params.vision_model
  const { hidden_size: D, layer_norm_eps: eps, image_size: S } = config
  const patches = patchEmbedding(pixels, embeddings.patch_embedding.weight, S)
  const classToken = broadcastTo(embeddings.class_embedding, [pixels.shape[0]!, 1, D])
  const tokens = add(concat([classToken, patches], 1), embeddings.position_embedding.weight)
  const start = layerNorm(tokens, pre_layrnorm, eps)
  return encoder.layers.reduce((x, layer) => encoderLayer(layer, config, x), start)
}
