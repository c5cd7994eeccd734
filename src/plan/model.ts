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
  /** To encode one image, to take in T positions, to make one step. */
  inference(weights: WeightSpecs, sizes: Sizes): readonly Draft[]
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
  return {
    spec: llamaSpec(config),
    language: config,
    featuresPerImage: 0,
    partOf: (name) => (isTable(name) ? 'token embeddings' : isOutput(name) ? 'output layer' : 'decoder layers'),
    trainedByRelease: [],
    inference: (weights, { B, T, dtype }) => {
      const call = { fn: step, argNames: ['params', 'ids', 'cache'], donate: [2] }
      const cache = kvCacheSpec(config, B, T, dtype)
      return [
        { ...call, name: `prefill ${T} tokens`, args: [weights, ints(B, T), cache] },
        { ...call, name: 'decode a token', args: [weights, ints(B, 1), cache] },
      ]
    },
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
    inference: (weights, { B, T, N, dtype }) => {
      const table = spec([B * N, P, language.hidden_size], dtype)
      const cache = kvCacheSpec(language, B, T, dtype)
      const turn = { tokenIds: ints(B, T), imageSlot: ints(B, T), modality: ints(B, T), count: ints() }
      const pixels = spec([1, ...imageShape(config.vision)])
      return [
        {
          name: 'encode an image',
          fn: encode,
          args: [weights, pixels, table, ints()],
          argNames: ['params', 'pixels', 'features', 'index'],
          donate: [2],
        },
        {
          name: `prefill ${T} tokens`,
          fn: prefill,
          args: [weights, table, turn, cache],
          argNames: ['params', 'features', 'turn', 'cache'],
          donate: [3],
        },
        {
          name: 'decode a token',
          fn: step,
          args: [weights, ints(B, 1), cache],
          argNames: ['params', 'ids', 'cache'],
          donate: [2],
        },
      ]
    },
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
