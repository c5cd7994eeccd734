import { add, gelu, quickGelu } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { attention } from '../nn/attention.ts'
import { mergeHeads, splitHeads } from '../nn/heads.ts'
import { biasedLinearSpec, linear } from '../nn/linear.ts'
import { layerNorm, layerNormSpec } from '../nn/norms.ts'
import { normal, type WeightsOf } from '../nn/param.ts'
import { full } from '../nn/variants.ts'
import type { EncoderLayerConfig } from './clip-config.ts'

/** Hugging Face's initializer_range for CLIP. */
const INIT = normal(0.02)

/** The parameters of a CLIP encoder layer under Hugging Face's names. */
export function encoderLayerSpec({ hidden_size: D, intermediate_size: F }: EncoderLayerConfig) {
  const square = () => biasedLinearSpec(D, D, INIT)
  return {
    self_attn: { k_proj: square(), v_proj: square(), q_proj: square(), out_proj: square() },
    layer_norm1: layerNormSpec(D),
    mlp: { fc1: biasedLinearSpec(D, F, INIT), fc2: biasedLinearSpec(F, D, INIT) },
    layer_norm2: layerNormSpec(D),
  }
}

export type EncoderLayerParams = WeightsOf<ReturnType<typeof encoderLayerSpec>>

/**
 * One pre-norm layer: full attention, then an MLP, each added to its input [N,T,D].
 * Source: CLIP (arXiv:2103.00020), section 2.4, as Hugging Face's CLIPEncoderLayer computes it.
 */
export function encoderLayer(p: EncoderLayerParams, config: EncoderLayerConfig, x: Tensor): Tensor {
  const { num_attention_heads: H, layer_norm_eps: eps } = config
  const activation = config.hidden_act === 'gelu' ? gelu : quickGelu
  const h = layerNorm(x, p.layer_norm1, eps)
  const [q, k, v] = [p.self_attn.q_proj, p.self_attn.k_proj, p.self_attn.v_proj].map((w) => splitHeads(linear(h, w), H))
  const y = add(x, linear(mergeHeads(attention(q!, k!, v!, full)), p.self_attn.out_proj))
  const z = layerNorm(y, p.layer_norm2, eps)
  return add(y, linear(activation(linear(z, p.mlp.fc1)), p.mlp.fc2))
}
