import type { LlamaConfig } from '../models/config.ts'
import type { AttentionKind } from '../models/decoder-attention.ts'
import type { ProjectionKind } from '../models/projection.ts'
import type { Precision } from '../models/storage.ts'
import type { VisionConfig } from '../models/vision.ts'
import { featuresPerImage } from '../models/visualchat.ts'
import { ValueError } from '../util/errors.ts'
import { type PlannedModel, plannedDecoder, plannedVisualChat, type Sizes } from './model.ts'
import { computeType } from './weights.ts'

/** What is to be planned. */
export interface PlanRequest {
  readonly language: LlamaConfig
  /** Without an encoder the decoder is planned by itself. */
  readonly vision: VisionConfig | null
  readonly projection: ProjectionKind
  readonly attention: AttentionKind
  /** How parameters are kept: `storageFor` says what becomes of each. */
  readonly precision: Precision
  /** Positions of a sequence, images included. */
  readonly seq: number
  readonly batch: number
  /** Images of each sequence; at least 1 where there is an encoder. */
  readonly images: number
  /** Rank of LoRA's adapters. */
  readonly rank: number
  /** Bytes of the largest buffer that a kernel can bind. */
  readonly bindingLimit: number
  /** Bytes that there are; null where that is not asked. */
  readonly memory: number | null
}

/** @throws ValueError where the sequences cannot be. */
export function checkRequest({ language, seq, images, vision, ...request }: PlanRequest): void {
  const most = language.max_position_embeddings
  if (seq > most) {
    throw new ValueError(`a sequence of ${seq} positions: the model was made for ${most} at most`)
  }
  if (!vision) return
  const taken = images * featuresPerImage({ ...request, language, vision, imageToken: 0, padToken: 0 })
  if (taken > seq) {
    throw new ValueError(`${images} images take ${taken} positions, and the sequence has ${seq}`, {
      hint: 'fewer --images, or a larger --seq',
    })
  }
}

/** The model that a request is about, with fewer layers in its decoder where that is asked. */
export function modelOf(
  { vision, language, ...request }: PlanRequest,
  layers = language.num_hidden_layers,
): PlannedModel {
  const decoder = { ...language, num_hidden_layers: layers }
  if (!vision) return plannedDecoder(decoder, request.attention)
  const { projection, attention } = request
  return plannedVisualChat({ vision, language: decoder, projection, attention, imageToken: 0, padToken: 0 })
}

export const sizesOf = ({ batch: B, seq: T, images: N, precision }: PlanRequest): Sizes => ({
  B,
  T,
  N,
  dtype: computeType(precision),
})
