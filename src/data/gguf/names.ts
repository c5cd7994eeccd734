import { UnsupportedError } from '../../util/errors.ts'
import { tensorOf } from '../tensor-name.ts'

/** Where a tensor of llama.cpp stands among Hugging Face's. */
export interface Place {
  readonly name: string
  /** Its rows are vectors that RoPE rotates, in llama.cpp's order: those of the query's heads, or of the key's. */
  readonly rotated?: 'query' | 'key'
}

const OUTSIDE: Readonly<Record<string, Place>> = {
  token_embd: { name: 'model.embed_tokens' },
  output_norm: { name: 'model.norm' },
  output: { name: 'lm_head' },
}

const IN_LAYER: Readonly<Record<string, Place>> = {
  attn_norm: { name: 'input_layernorm' },
  attn_q: { name: 'self_attn.q_proj', rotated: 'query' },
  attn_k: { name: 'self_attn.k_proj', rotated: 'key' },
  attn_v: { name: 'self_attn.v_proj' },
  attn_output: { name: 'self_attn.o_proj' },
  ffn_norm: { name: 'post_attention_layernorm' },
  ffn_gate: { name: 'mlp.gate_proj' },
  ffn_up: { name: 'mlp.up_proj' },
  ffn_down: { name: 'mlp.down_proj' },
}

/** No weight, but factors of RoPE's frequencies: a part of the configuration. */
export const ROPE_FACTORS = 'rope_freqs.weight'

/** @throws UnsupportedError for a tensor that a LLaMA does not have. */
export function placeOf(name: string, path: string): Place {
  const [, layer, part = '', kind] = /^(?:blk\.(0|[1-9]\d{0,4})\.)?(\w+)\.(weight|bias)$/.exec(name) ?? []
  const places = layer === undefined ? OUTSIDE : IN_LAYER
  const place = Object.hasOwn(places, part) ? places[part] : undefined
  if (place === undefined || (kind === 'bias' && !place.name.endsWith('_proj'))) {
    throw new UnsupportedError(`${tensorOf(path, name)} is none of a LLaMA's`, {
      hint: 'weft has LLaMA decoders without experts, adapters or other additions',
    })
  }
  const prefix = layer === undefined ? '' : `model.layers.${layer}.`
  return { ...place, name: `${prefix}${place.name}.${kind}` }
}
