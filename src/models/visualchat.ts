import type { Tensor } from '../ir/tensor.ts'
import { embedding } from '../nn/linear.ts'
import { normal, table, type WeightsOf } from '../nn/param.ts'
import type { LlamaConfig } from './config.ts'
import type { AttentionKind } from './decoder-attention.ts'
import { type DecoderOptions, llamaHidden, llamaLogits, llamaSpec } from './llama.ts'
import { nextTokenLoss } from './loss.ts'
import { PERCEIVER_QUERIES } from './perceiver.ts'
import { type ProjectionKind, project, projectionSpec } from './projection.ts'
import { splice } from './splice.ts'
import { featureConfig, type VisionConfig, visionFeatures, visionSpec, visionTokens } from './vision.ts'

/**
 * DeepSpeed-VisualChat (arXiv:2309.14327), section 4: a visual encoder, a projection into the space of token
 * embeddings, and a LLaMA decoder over text and images interleaved.
 */
export interface VisualChatConfig {
  readonly vision: VisionConfig
  readonly language: LlamaConfig
  readonly projection: ProjectionKind
  readonly attention: AttentionKind
  /** Id of the token that stands for an image. */
  readonly imageToken: number
  /** Id whose embedding stands under padding. */
  readonly padToken: number
}

/**
 * The parameters under the release's names. `lang_embed` is the trainable copy of the decoder's `embed_tokens`, and the
 * only table used: for prompts, for training and for tokens that the model has generated.
 */
export function visualChatSpec({ vision, language, projection }: VisualChatConfig) {
  const { vocab_size: V, hidden_size: D } = language
  return {
    vis_encoder: visionSpec(vision),
    lang_decoder: llamaSpec(language),
    lang_embed: { weight: table(V, D, normal(0.02)) },
    projection: projectionSpec(projection, featureConfig(vision), D),
  }
}

export type VisualChatParams = WeightsOf<ReturnType<typeof visualChatSpec>>
/** What the release trains: the token embeddings and the projection. */
export type TrainableParams = Pick<VisualChatParams, 'lang_embed' | 'projection'>
export type FrozenParams = Omit<VisualChatParams, keyof TrainableParams>

/** The parameters that are trained, and those that stay as they are; `{...trainable, ...frozen}` is the whole. */
export function splitTrainable({ lang_embed, projection, ...frozen }: VisualChatParams): {
  readonly trainable: TrainableParams
  readonly frozen: FrozenParams
} {
  return { trainable: { lang_embed, projection }, frozen }
}

/** Features that an image gives the decoder. */
export const featuresPerImage = ({ vision, projection }: VisualChatConfig): number =>
  projection === 'perceiver' ? PERCEIVER_QUERIES : visionTokens(vision)

/** A batch of B sequences of T positions, as `layOut` lays it out. */
export interface VisualChatBatch {
  /** Pixels f32 [N,C,S,S] of all images of the batch, in the order of their tokens. */
  readonly images?: Tensor | undefined
  /** i32 [B,T] */
  readonly tokenIds: Tensor
  /** i32 [B,T] row of the batch's features, or -1. */
  readonly imageSlot: Tensor
  /** i32 [B,T]: 0 padding, 1 text, 2 image. */
  readonly modality: Tensor
}

/** Projected features [N,P,D] of pixels [N,C,S,S]. */
export const imageFeatures = (params: VisualChatParams, config: VisualChatConfig, images: Tensor): Tensor =>
  project(params.projection, featureConfig(config.vision), visionFeatures(params.vis_encoder, config.vision, images))

/** Embeddings [B,T,D] of i32 ids [B,T]. */
export const embedText = (params: Pick<VisualChatParams, 'lang_embed'>, ids: Tensor): Tensor =>
  embedding(ids, params.lang_embed)

/** Embeddings [B,T,D] of a batch, image features in their places. */
export function embedBatch(params: VisualChatParams, config: VisualChatConfig, batch: VisualChatBatch): Tensor {
  const features = batch.images && imageFeatures(params, config, batch.images)
  return splice(embedText(params, batch.tokenIds), features, batch.imageSlot)
}

type LayerOptions = Pick<DecoderOptions, 'wrapLayer'>

/** Logits f32 [B,T,V] of a batch. Rows of padding mean nothing. */
export function visualChatLogits(
  params: VisualChatParams,
  config: VisualChatConfig,
  batch: VisualChatBatch,
  options: LayerOptions = {},
): Tensor {
  const { attention, language } = config
  const embeds = embedBatch(params, config, batch)
  const decoderOptions = { ...options, attention, modality: batch.modality }
  return llamaLogits(params.lang_decoder, llamaHidden(params.lang_decoder, language, embeds, decoderOptions))
}

/** The batch's loss, f32 []; see `nextTokenLoss`. labels i32 [B,T]. */
export const visualChatLoss = (
  params: VisualChatParams,
  config: VisualChatConfig,
  batch: VisualChatBatch & { readonly labels: Tensor },
  options: LayerOptions = {},
): Tensor => nextTokenLoss(visualChatLogits(params, config, batch, options), batch.labels)
