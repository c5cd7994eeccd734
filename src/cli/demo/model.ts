import { argmax, index, reshape, take } from '../../ir/ops.ts'
import type { Tensor } from '../../ir/tensor.ts'
import { llamaHidden, llamaLogits } from '../../models/llama.ts'
import { embedBatch, imageFeatures, type VisualChatConfig } from '../../models/visualchat.ts'
import { accuracy, crossEntropy, softCrossEntropy } from '../../nn/losses.ts'
import type { TrainBatch } from './batches.ts'
import { type DemoParams, wholeModel } from './parameters.ts'
import type { WordsBatch } from './words.ts'

/** The loss, f32 [], and the share predicted right, f32 []. */
type Scored = readonly [loss: Tensor, right: Tensor]

/**
 * First stage, in place of a pretrained encoder: the projected class token of a drawing, read by the output layer, says
 * the words of its kind and name.
 * Source: Joulin et al., Learning Visual Features from Large Weakly Supervised Data (arXiv:1511.02251), section 3.
 */
export const wordsLoss =
  (config: VisualChatConfig) =>
  (params: DemoParams, { images, words, kinds }: WordsBatch): Scored => {
    const model = wholeModel(params)
    const logits = llamaLogits(model.lang_decoder, index(imageFeatures(model, config, images), null, 0))
    return [softCrossEntropy(logits, words), accuracy(logits, kinds)]
  }

/** Logits f32 [K,V] at the rows from which the answers' tokens are predicted. */
function answerLogits(config: VisualChatConfig, params: DemoParams, batch: TrainBatch): Tensor {
  const { language, attention } = config
  const model = wholeModel(params)
  const embeds = embedBatch(model, config, batch)
  const hidden = llamaHidden(model.lang_decoder, language, embeds, { attention, modality: batch.modality })
  const rows = take(reshape(hidden, [-1, language.hidden_size]), batch.answerAt, 0)
  return llamaLogits(model.lang_decoder, rows)
}

/** Second stage: cross-entropy over the tokens of the answers. */
export const answersLoss =
  (config: VisualChatConfig) =>
  (params: DemoParams, batch: TrainBatch): Scored => {
    const logits = answerLogits(config, params, batch)
    return [crossEntropy(logits, batch.answers), accuracy(logits, batch.answers)]
  }

/** The likeliest token i32 [K] in the place of every token of the answers, the right tokens before it given. */
export const answerPredictions =
  (config: VisualChatConfig) =>
  (params: DemoParams, batch: TrainBatch): Tensor =>
    argmax(answerLogits(config, params, batch), -1)
