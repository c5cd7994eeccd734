import { add, arange, cast, dynamicSlice, mul, ones, reshape, silu, sub } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { attention } from '../nn/attention.ts'
import { attentionWeights } from '../nn/attention-definition.ts'
import { mergeHeads, splitHeads } from '../nn/heads.ts'
import { embedding, linear, linearSpec } from '../nn/linear.ts'
import { rmsNorm, rmsNormSpec } from '../nn/norms.ts'
import { normal, table, type WeightsOf } from '../nn/param.ts'
import { applyRope, type RopeTable } from '../nn/rope.ts'
import type { Variant } from '../nn/variant.ts'
import type { LlamaConfig } from './config.ts'
import { type DecoderAttention, decoderVariant } from './decoder-attention.ts'
import { decoderRope } from './decoder-rope.ts'
import { grow, type KvCache, writeAt } from './kv-cache.ts'

/** Hugging Face's initializer_range. */
const INIT = normal(0.02)

/** The parameters of a LLaMA decoder under Hugging Face's names. Weights are [out, in]. */
export function llamaSpec(config: LlamaConfig) {
  const { vocab_size: V, hidden_size: D, num_hidden_layers: L, tie_word_embeddings: tied } = config
  return {
    model: {
      embed_tokens: { weight: table(V, D, INIT) },
      layers: Array.from({ length: L }, () => layerSpec(config)),
      norm: rmsNormSpec(D),
    },
    ...(tied ? {} : { lm_head: linearSpec(D, V, INIT) }),
  }
}

/** The output layer, which checkpoints of tied embeddings may hold a second time. */
export const isTiedHead =
  ({ tie_word_embeddings: tied }: LlamaConfig) =>
  (name: string): boolean =>
    tied && /(^|\.)lm_head\.weight$/.test(name)

function layerSpec({ hidden_size: D, intermediate_size: F, head_dim: E, ...config }: LlamaConfig) {
  const HE = E * config.num_attention_heads
  const KE = E * config.num_key_value_heads
  return {
    self_attn: {
      q_proj: linearSpec(D, HE, INIT),
      k_proj: linearSpec(D, KE, INIT),
      v_proj: linearSpec(D, KE, INIT),
      o_proj: linearSpec(HE, D, INIT),
    },
    mlp: { gate_proj: linearSpec(D, F, INIT), up_proj: linearSpec(D, F, INIT), down_proj: linearSpec(F, D, INIT) },
    input_layernorm: rmsNormSpec(D),
    post_attention_layernorm: rmsNormSpec(D),
  }
}

export type LlamaParams = WeightsOf<ReturnType<typeof llamaSpec>>
export type LlamaLayerParams = WeightsOf<ReturnType<typeof layerSpec>>

type Layer = (params: LlamaLayerParams, x: Tensor) => Tensor

export interface DecoderOptions {
  readonly attention: DecoderAttention
  /** i32 [B,T]: 0 padding, 1 text, 2 image. All text unless given. */
  readonly modality?: Tensor | undefined
  /** i32 [T] or [B,T], for RoPE; by default they count on from the cache's length. */
  readonly positions?: Tensor | undefined
  /** Wraps each layer: `checkpoint`, to compute its inner values again in the backward pass. */
  readonly wrapLayer?: ((layer: Layer) => Layer) | undefined
}

export interface CachedOptions extends DecoderOptions {
  /** How many of the T rows are kept, a number or i32 []: the next pass overwrites the rest. All unless given. */
  readonly count?: number | Tensor | undefined
  /** i32 [B], positions of each text after the pass where padding before it fills others; only dynamic RoPE asks. */
  readonly lengths?: Tensor | undefined
}

/**
 * The last hidden state [B,T,D] (after the final norm) of embeddings [B,T,D].
 * Source: LLaMA 2 (arXiv:2307.09288), section 2.2, as Hugging Face's LlamaModel computes it.
 */
export function llamaHidden(params: LlamaParams, config: LlamaConfig, embeds: Tensor, options: DecoderOptions): Tensor {
  return runLayers(params, config, embeds, options, uncached(config, embeds, options))
}

/**
 * The same for T positions that follow those in a KV cache, with the cache after them. One function for a prompt, for
 * a further round and for a single token; the length is a tensor, so that one compiled function serves every step.
 * Check first, with `checkRoom`, that T positions fit.
 */
export function llamaCached(
  params: LlamaParams,
  config: LlamaConfig,
  embeds: Tensor,
  cache: KvCache,
  options: CachedOptions,
): { readonly hidden: Tensor; readonly cache: KvCache } {
  const [B, T] = embeds.shape as readonly [number, number, number]
  const { length } = cache
  const modality = writeAt(cache.modality, options.modality ?? ones([B, T], 'i32'), length, 1)
  const k = [...cache.k]
  const v = [...cache.v]
  const hidden = runLayers(params, config, embeds, options, {
    // Padding does not lengthen the context, on which dynamic scaling depends.
    rope: decoderRope(
      config,
      options.positions ?? add(arange(T), length),
      options.lengths ?? grow(length, options.count ?? T),
    ),
    variant: decoderVariant(options.attention, modality),
    queryOffset: length,
    store(layer, newK, newV) {
      k[layer] = writeAt(k[layer]!, newK, length, 2)
      v[layer] = writeAt(v[layer]!, newV, length, 2)
      return [cast(k[layer], newK.dtype), cast(v[layer], newV.dtype)]
    },
  })
  return { hidden, cache: { k, v, modality, length: grow(length, options.count ?? T) } }
}

/** Logits f32 [...,V] of hidden states [...,D]; with tied embeddings the output layer is the token embedding. */
export const llamaLogits = (params: LlamaParams, hidden: Tensor): Tensor =>
  cast(linear(hidden, params.lm_head ?? params.model.embed_tokens), 'f32')

/**
 * One step of generation: logits f32 [B,V] after the last of T embeddings [B,T,D] (the last of `count`, where given),
 * and the cache with them in it.
 */
export function llamaStep(
  params: LlamaParams,
  config: LlamaConfig,
  embeds: Tensor,
  cache: KvCache,
  options: CachedOptions,
): { readonly logits: Tensor; readonly cache: KvCache } {
  const [B, T, D] = embeds.shape as readonly [number, number, number]
  const next = llamaCached(params, config, embeds, cache, options)
  const { count = T } = options
  const row = typeof count === 'number' ? count - 1 : sub(count, 1)
  const last = dynamicSlice(next.hidden, [0, row, 0], [B, 1, D])
  return { logits: llamaLogits(params, reshape(last, [B, D])), cache: next.cache }
}

/**
 * The weights of every layer's attention, f32 [B,H,T,T] each, for pictures and tests; see `attentionWeights`.
 */
export function llamaAttentionWeights(
  params: LlamaParams,
  config: LlamaConfig,
  embeds: Tensor,
  options: DecoderOptions,
): Tensor[] {
  const weights: Tensor[] = []
  const pass = uncached(config, embeds, options)
  runLayers(params, config, embeds, options, {
    ...pass,
    observe: (q, k) => weights.push(attentionWeights(q, k, pass.variant)),
  })
  return weights
}

/** Embeddings [B,T,D] of i32 ids [B,T] by the decoder's own table. */
export const llamaEmbed = (params: LlamaParams, ids: Tensor): Tensor => embedding(ids, params.model.embed_tokens)

/** What the layers of one pass share. */
interface Pass {
  readonly rope: RopeTable
  readonly variant: Variant
  readonly queryOffset: number | Tensor
  /** Takes a layer's new keys and values; returns those to attend to. */
  store(layer: number, k: Tensor, v: Tensor): readonly [k: Tensor, v: Tensor]
  observe?(q: Tensor, k: Tensor): void
}

function uncached(config: LlamaConfig, embeds: Tensor, { attention: kind, modality, positions }: DecoderOptions): Pass {
  const [B, T] = embeds.shape as readonly [number, number, number]
  // Without a modality all is text; plain causal attention then needs no mask of padding.
  const asked = typeof kind === 'function' ? (modality ?? ones([B, T], 'i32')) : modality
  return {
    rope: decoderRope(config, positions ?? arange(T), T),
    variant: decoderVariant(kind, asked),
    queryOffset: 0,
    store: (_, k, v) => [k, v],
  }
}

function runLayers(
  params: LlamaParams,
  config: LlamaConfig,
  embeds: Tensor,
  { wrapLayer = (layer) => layer }: DecoderOptions,
  pass: Pass,
): Tensor {
  const hidden = params.model.layers.reduce(
    (x, layer, i) => wrapLayer((p, y) => decoderLayer(p, config, y, pass, i))(layer, x),
    embeds,
  )
  return rmsNorm(hidden, params.model.norm, config.rms_norm_eps)
}

/** One pre-norm layer: attention, then a SwiGLU MLP (arXiv:2002.05202), each added to its input [B,T,D]. */
function decoderLayer(p: LlamaLayerParams, config: LlamaConfig, x: Tensor, pass: Pass, index: number): Tensor {
  const { num_attention_heads: H, num_key_value_heads: K, rms_norm_eps: eps } = config
  const h = rmsNorm(x, p.input_layernorm, eps)
  const q = applyRope(splitHeads(linear(h, p.self_attn.q_proj), H), pass.rope)
  const newK = applyRope(splitHeads(linear(h, p.self_attn.k_proj), K), pass.rope)
  const newV = splitHeads(linear(h, p.self_attn.v_proj), K)
  const [k, v] = pass.store(index, newK, newV)
  pass.observe?.(q, k)
  const attended = attention(q, k, v, pass.variant, { queryOffset: pass.queryOffset })
  const y = add(x, linear(mergeHeads(attended), p.self_attn.o_proj))
  const z = rmsNorm(y, p.post_attention_layernorm, eps)
  const gated = mul(silu(linear(z, p.mlp.gate_proj)), linear(z, p.mlp.up_proj))
  return add(y, linear(gated, p.mlp.down_proj))
}
