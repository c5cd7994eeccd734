import { argmax, cast, div, eq, maximum, ne, reshape, sum, take, where } from '../../ir/ops.ts'
import type { Tensor } from '../../ir/tensor.ts'
import { llamaHidden, llamaLogits } from '../../models/llama.ts'
import { embedBatch, type VisualChatConfig, type VisualChatParams } from '../../models/visualchat.ts'
import { crossEntropy, IGNORE } from '../../train/losses.ts'
import type { TrainBatch } from './batches.ts'

/** Logits f32 [K,V] of the answer tokens of a batch. */
function answerLogits(params: VisualChatParams, config: VisualChatConfig, batch: TrainBatch): Tensor {
  const { language, attention } = config
  const embeds = embedBatch(params, config, batch)
  const hidden = llamaHidden(params.lang_decoder, language, embeds, { attention, modality: batch.modality })
  const [B, T, D] = hidden.shape as readonly [number, number, number]
  return llamaLogits(params.lang_decoder, take(reshape(hidden, [B * T, D]), batch.answerAt))
}

/** The loss, and the share of answer tokens predicted right. */
export const demoLoss =
  (config: VisualChatConfig) =>
  (params: VisualChatParams, batch: TrainBatch): readonly [Tensor, Tensor] => {
    const logits = answerLogits(params, config, batch)
    const counted = ne(batch.answers, IGNORE)
    const right = sum(where(counted, cast(eq(argmax(logits), batch.answers), 'f32'), 0))
    return [crossEntropy(logits, batch.answers), div(right, maximum(sum(cast(counted, 'f32')), 1))]
  }

/** The likeliest token at each answer token's place, i32 [K]. */
export const demoPredictions =
  (config: VisualChatConfig) =>
  (params: VisualChatParams, batch: TrainBatch): Tensor =>
    argmax(answerLogits(params, config, batch))
