import { type Spec, spec } from '../ir/ops/spec.ts'
import { cast, dynamicUpdateSlice } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import type { LlamaConfig } from '../models/config.ts'
import type { AttentionKind } from '../models/decoder-attention.ts'
import { type KvCache, kvCacheSpec } from '../models/kv-cache.ts'
import {
  type DecoderOptions,
  type LlamaParams,
  llamaEmbed,
  llamaHidden,
  llamaLogits,
  llamaSpec,
  llamaStep,
} from '../models/llama.ts'
import { nextTokenLoss } from '../models/loss.ts'
import { splice } from '../models/splice.ts'
import { imageShape } from '../models/vision.ts'
import {
  embedText,
  featuresPerImage,
  imageFeatures,
  type VisualChatConfig,
  type VisualChatParams,
  visualChatLoss,
  visualChatSpec,
} from '../models/visualchat.ts'
import type { SpecTree } from '../nn/param.ts'
import type { Draft } from './paper.ts'
import type { WeightSpecs } from './weights.ts'

/** What a parameter belongs to. */
export const PARTS = ['vision encoder', 'projection', 'decoder layers', 'output layer', 'token embeddings'] as const
export type Part = (typeof PARTS)[number]

/** Sizes of a call. */
export interface Sizes {
  /** Sequences. */
  readonly B: number
  /** Positions of each. */
  readonly T: number
  /** Images of each. */
  readonly N: number
  /** What activations and the cache are kept in. */
  readonly dtype: 'f32' | 'f16'
}

type Wrap = Pick<DecoderOptions, 'wrapLayer'>

/** A model as `plan` sees it: its parameters, and the programs that run it. */
export interface PlannedModel {
  readonly spec: SpecTree
  readonly language: LlamaConfig
  /** Features that an image gives the decoder; 0 without an encoder. */
  readonly featuresPerImage: number
  partOf(name: string): Part
  /** Names of what a projection's training changes begin so; none without an encoder. */
  readonly trainedByRelease: readonly string[]
  /** To encode one image; null without an encoder. */
  readonly encode: ((weights: WeightSpecs, sizes: Sizes) => Draft) | null
  /** To take in so many positions of a prompt. */
  prefill(weights: WeightSpecs, sizes: Sizes, pass: number): Draft
  /** To make one step. */
  decode(weights: WeightSpecs, sizes: Sizes): Draft
  /** The loss of a batch, and the batch's specs. */
  loss(sizes: Sizes, wrap: Wrap): { readonly loss: (params: never, batch: never) => Tensor; readonly batch: unknown }
}

const ints = (...shape: number[]): Spec => spec(shape, 'i32')
const isTable = (name: string): boolean => /(^|\.)(embed_tokens|lang_embed)\./.test(name)
const isOutput = (name: string): boolean => /(^|\.)lm_head\./.test(name)

/** A decoder by itself. */
export function plannedDecoder(config: LlamaConfig, attention: AttentionKind): PlannedModel {
  const step = (p: LlamaParams, ids: Tensor, cache: KvCache) =>
    llamaStep(p, config, llamaEmbed(p, ids), cache, { attention })
  const call = { fn: step, argNames: ['params', 'ids', 'cache'], donate: [2] }
  return {
    spec: llamaSpec(config),
    language: config,
    featuresPerImage: 0,
    partOf: (name) => (isTable(name) ? 'token embeddings' : isOutput(name) ? 'output layer' : 'decoder layers'),
    trainedByRelease: [],
    encode: null,
    prefill: (weights, { B, T, dtype }, pass) => ({
      ...call,
      name: `prefill ${pass} tokens`,
      args: [weights, ints(B, pass), kvCacheSpec(config, B, T, dtype)],
    }),
    decode: (weights, { B, T, dtype }) => ({
      ...call,
      name: 'decode a token',
      args: [weights, ints(B, 1), kvCacheSpec(config, B, T, dtype)],
    }),
    loss: ({ B, T }, wrap) => ({
      loss: (p: LlamaParams, { ids, labels, modality }: Record<'ids' | 'labels' | 'modality', Tensor>) => {
        const hidden = llamaHidden(p, config, llamaEmbed(p, ids), { ...wrap, attention, modality })
        return nextTokenLoss(llamaLogits(p, hidden), labels)
      },
      batch: { ids: ints(B, T), labels: ints(B, T), modality: ints(B, T) },
    }),
  }
}

interface Turn {
  readonly tokenIds: Tensor
  readonly imageSlot: Tensor
  readonly modality: Tensor
  readonly count: Tensor
}

/** A VisualChat: the passes are those of src/chat, its features kept in the type of the activations. */
export function plannedVisualChat(config: VisualChatConfig): PlannedModel {
  const { language, attention } = config
  const P = featuresPerImage(config)
  const encode = (p: VisualChatParams, pixels: Tensor, table: Tensor, index: Tensor): Tensor =>
    dynamicUpdateSlice(table, imageFeatures(p, config, cast(pixels, table.dtype)), [index, 0, 0])
  const prefill = (p: VisualChatParams, features: Tensor, turn: Turn, cache: KvCache) => {
    const embeds = splice(embedText(p, turn.tokenIds), features, turn.imageSlot)
    return llamaStep(p.lang_decoder, language, embeds, cache, { attention, modality: turn.modality, count: turn.count })
  }
  const step = (p: VisualChatParams, ids: Tensor, cache: KvCache) =>
    llamaStep(p.lang_decoder, language, embedText(p, ids), cache, { attention })
  const featureTable = (images: number, dtype: Sizes['dtype']): Spec => spec([images, P, language.hidden_size], dtype)
  return {
    spec: visualChatSpec(config),
    language,
    featuresPerImage: P,
    partOf(name) {
      if (name.startsWith('vis_encoder.')) return 'vision encoder'
      if (name.startsWith('projection.')) return 'projection'
      return isTable(name) ? 'token embeddings' : isOutput(name) ? 'output layer' : 'decoder layers'
    },
    trainedByRelease: ['lang_embed', 'projection'],
    encode: (weights, { B, N, dtype }) => ({
      name: 'encode an image',
      fn: encode,
      args: [weights, spec([1, ...imageShape(config.vision)]), featureTable(B * N, dtype), ints()],
      argNames: ['params', 'pixels', 'features', 'index'],
      donate: [2],
    }),
    prefill: (weights, { B, T, N, dtype }, pass) => {
      const turn = { tokenIds: ints(B, pass), imageSlot: ints(B, pass), modality: ints(B, pass), count: ints() }
      return {
        name: `prefill ${pass} tokens`,
        fn: prefill,
        args: [weights, featureTable(B * N, dtype), turn, kvCacheSpec(language, B, T, dtype)],
        argNames: ['params', 'features', 'turn', 'cache'],
        donate: [3],
      }
    },
    decode: (weights, { B, T, dtype }) => ({
      name: 'decode a token',
      fn: step,
      args: [weights, ints(B, 1), kvCacheSpec(language, B, T, dtype)],
      argNames: ['params', 'ids', 'cache'],
      donate: [2],
    }),
    loss: ({ B, T, N }, wrap) => ({
      loss: (p: VisualChatParams, batch: Parameters<typeof visualChatLoss>[2]) =>
        visualChatLoss(p, config, batch, wrap),
      batch: {
        tokenIds: ints(B, T),
        imageSlot: ints(B, T),
        modality: ints(B, T),
        labels: ints(B, T),
        ...(N > 0 ? { images: spec([B * N, ...imageShape(config.vision)]) } : {}),
      },
    }),
  }
}
