import { concat, tensor } from '../../src/ir/ops.ts'
import { fromHost } from '../../src/ir/tensor.ts'
import { layOut } from '../../src/models/layout.ts'
import { imageShape } from '../../src/models/vision.ts'
import {
  featuresPerImage,
  type VisualChatConfig,
  type VisualChatParams,
  visualChatLogits,
} from '../../src/models/visualchat.ts'
import { config, params, tokenizer } from './tiny-chat.ts'

/**
 * Logits by one uncached pass over a whole conversation: for each id, each image being one, the row [V] after it.
 */
export async function wholePass(
  ids: readonly number[],
  images: readonly Float32Array[],
  model: VisualChatConfig = config,
  weights: VisualChatParams = params,
): Promise<Float32Array[]> {
  const P = featuresPerImage(model)
  const { imageToken, padToken } = model
  const layout = layOut([{ inputIds: ids }], { imageToken, padToken, featuresPerImage: P })
  const pixels = images.map((image) => tensor(image, { shape: [1, ...imageShape(model.vision)] }))
  const logits = visualChatLogits(weights, model, {
    images: pixels.length > 0 ? concat(pixels, 0) : undefined,
    tokenIds: fromHost(layout.tokenIds),
    imageSlot: fromHost(layout.imageSlot),
    modality: fromHost(layout.modality),
  })
  const data = Float32Array.from(await logits.read())
  const V = tokenizer.vocabSize
  let at = -1
  return ids.map((id) => {
    at += id === imageToken ? P : 1
    return data.slice(at * V, (at + 1) * V)
  })
}

/** The likeliest token that a reply may hold: the others are the padding, the beginning and the image token. */
export function likeliestOf(logits: Float32Array): number {
  const { padId, bosId, imageId } = tokenizer
  const allowed = logits.map((x, id) => ([padId, bosId, imageId].includes(id) ? -1e30 : x))
  return allowed.indexOf(Math.max(...allowed))
}
