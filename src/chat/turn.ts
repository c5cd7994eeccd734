import type { HostArray } from '../ir/dtype.ts'
import { fromHost, type Tensor } from '../ir/tensor.ts'
import { layOut } from '../models/layout.ts'
import { featuresPerImage, type VisualChatConfig } from '../models/visualchat.ts'

/** What one round adds to the cache: T rows, the first `count` of them positions of the conversation. */
export interface Turn {
  /** i32 [1,T] */
  readonly tokenIds: Tensor
  /** i32 [1,T] row among the features of all the conversation's images, or -1. */
  readonly imageSlot: Tensor
  /** i32 [1,T]: 0 padding, 1 text, 2 image. */
  readonly modality: Tensor
  readonly count: number
}

/**
 * Lays out the ids of a turn, one image token an image, padded to `rows`. Its images are those after the first
 * `imagesBefore` of the conversation.
 */
export function layOutTurn(ids: readonly number[], config: VisualChatConfig, imagesBefore: number, rows: number): Turn {
  const P = featuresPerImage(config)
  const { tokenIds, imageSlot, modality, lengths } = layOut([{ inputIds: ids }], {
    imageToken: config.imageToken,
    padToken: config.padToken,
    featuresPerImage: P,
    multipleOf: rows,
  })
  return {
    tokenIds: fromHost(tokenIds),
    imageSlot: fromHost(mapped(imageSlot, (slot) => (slot < 0 ? slot : slot + imagesBefore * P))),
    modality: fromHost(modality),
    count: lengths[0]!,
  }
}

/** Positions that the ids of a turn take. */
export function turnLength(ids: readonly number[], config: VisualChatConfig): number {
  const images = ids.filter((id) => id === config.imageToken).length
  return ids.length + images * (featuresPerImage(config) - 1)
}

const mapped = (array: HostArray<'i32'>, fn: (x: number) => number): HostArray<'i32'> => ({
  ...array,
  data: array.data.map(fn),
})
