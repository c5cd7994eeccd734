import { add, broadcastTo, concat, gelu, quickGelu, reshape, transpose } from '../ir/ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'
import { attention } from '../nn/attention.ts'
import { mergeHeads, splitHeads } from '../nn/heads.ts'
import { biasedLinearSpec, linear } from '../nn/linear.ts'
import { layerNorm, layerNormSpec } from '../nn/norms.ts'
import { normal, param, type WeightsOf } from '../nn/param.ts'
import { full } from '../nn/variants.ts'
import type { ClipVisionConfig } from './config.ts'

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

function encoderLayerSpec({ hidden_size: D, intermediate_size: F }: ClipVisionConfig) {
  const square = () => biasedLinearSpec(D, D, INIT)
  return {
    self_attn: { k_proj: square(), v_proj: square(), q_proj: square(), out_proj: square() },
    layer_norm1: layerNormSpec(D),
    mlp: { fc1: biasedLinearSpec(D, F, INIT), fc2: biasedLinearSpec(F, D, INIT) },
    layer_norm2: layerNormSpec(D),
  }
}

export type ClipVisionParams = WeightsOf<ReturnType<typeof clipVisionSpec>>
type EncoderLayerParams = WeightsOf<ReturnType<typeof encoderLayerSpec>>

/**
 * The last hidden state [N,T,D] of pixels [N,C,S,S] (normalised as CLIP's preprocessor does): after the encoder, before
 * `post_layernorm`, the class token first.
 *
 * Throws ShapeError for images of another size.
 * Source: CLIP (arXiv:2103.00020), section 2.4, as Hugging Face's CLIPVisionModel computes it.
 */
export function clipVision(params: ClipVisionParams, config: ClipVisionConfig, pixels: Tensor): Tensor {
  const { embeddings, pre_layrnorm, encoder } = params.vision_model
  const { hidden_size: D, layer_norm_eps: eps } = config
  const patches = patchEmbedding(pixels, embeddings.patch_embedding.weight, config)
  const classToken = broadcastTo(embeddings.class_embedding, [pixels.shape[0]!, 1, D])
  const tokens = add(concat([classToken, patches], 1), embeddings.position_embedding.weight)
  const start = layerNorm(tokens, pre_layrnorm, eps)
  return encoder.layers.reduce((x, layer) => encoderLayer(layer, config, x), start)
}

/** A convolution whose stride is its size, as one product: pixels [N,C,S,S] by weight [D,C,P,P] -> [N,patches,D]. */
function patchEmbedding(pixels: Tensor, weight: Tensor, config: ClipVisionConfig): Tensor {
  const { image_size: S, patch_size: P, num_channels: C, hidden_size: D } = config
  const [N, ...image] = pixels.shape
  if (pixels.rank !== 4 || image[0] !== C || image[1] !== S || image[2] !== S) {
    failShape(`clipVision: pixels ${formatShape(pixels.shape)}`, `images are [N,${C},${S},${S}]; resize them first`)
  }
  const G = S / P
  const grid = transpose(reshape(pixels, [N!, C, G, P, G, P]), [0, 2, 4, 1, 3, 5])
  return linear(reshape(grid, [N!, G * G, C * P * P]), { weight: reshape(weight, [D, C * P * P]) })
}

/** One pre-norm layer: full attention, then an MLP, each added to its input [N,T,D]. */
function encoderLayer(p: EncoderLayerParams, config: ClipVisionConfig, x: Tensor): Tensor {
  const { num_attention_heads: H, layer_norm_eps: eps } = config
  const activation = config.hidden_act === 'gelu' ? gelu : quickGelu
  const h = layerNorm(x, p.layer_norm1, eps)
  const [q, k, v] = [p.self_attn.q_proj, p.self_attn.k_proj, p.self_attn.v_proj].map((w) => splitHeads(linear(h, w), H))
  const y = add(x, linear(mergeHeads(attention(q!, k!, v!, full)), p.self_attn.out_proj))
  const z = layerNorm(y, p.layer_norm2, eps)
  return add(y, linear(activation(linear(z, p.mlp.fc1)), p.mlp.fc2))
}
