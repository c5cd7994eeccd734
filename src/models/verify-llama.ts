import type { Tensor } from '../ir/tensor.ts'
import { llamaConfig } from './config.ts'
import { attentionKind } from './decoder-attention.ts'
import {
  isTiedHead,
  type LlamaParams,
  llamaAttentionWeights,
  llamaEmbed,
  llamaHidden,
  llamaLogits,
  llamaSpec,
} from './llama.ts'
import { nextTokenLoss } from './loss.ts'
import { loadParams } from './params.ts'
import type { Case, Fixture } from './verify.ts'
import { hostInput, input, jsonField, requireShape } from './verify-fixture.ts'

type Variables = LlamaParams & { readonly inputs_embeds?: Tensor }
interface Constants {
  readonly input_ids?: Tensor
  readonly modality: Tensor
  readonly labels: Tensor
}

/** A LLaMA decoder from input_ids and attention_mask, or from inputs_embeds and modality. */
export function llamaCase(fixture: Fixture): Case<Variables, Constants> {
  const config = llamaConfig(jsonField(fixture, 'config'))
  const attention = attentionKind(fixture.metadata['attention'] ?? 'none')
  const has = (name: string): boolean => fixture.tensors.has(name)
  const fromIds = has('input_ids')
  // An attention mask is a modality without images: 0 padding, 1 text.
  const modalityName = has('modality') ? 'modality' : 'attention_mask'
  const texts = hostInput(fixture, fromIds ? 'input_ids' : 'inputs_embeds').shape.slice(0, 2)
  for (const name of [modalityName, 'labels']) requireShape(fixture, name, texts)
  const params = loadParams(llamaSpec(config), fixture.tensors, { prefix: 'param.', ignore: isTiedHead(config) })
  const embed = (v: Variables, c: Constants): Tensor => v.inputs_embeds ?? llamaEmbed(v, c.input_ids!)
  const logits = (v: Variables, c: Constants): Tensor =>
    llamaLogits(v, llamaHidden(v, config, embed(v, c), { attention, modality: c.modality }))
  return {
    variables: fromIds ? params : { ...params, inputs_embeds: input(fixture, 'inputs_embeds') },
    constants: {
      ...(fromIds ? { input_ids: input(fixture, 'input_ids') } : {}),
      modality: input(fixture, modalityName),
      labels: input(fixture, 'labels'),
    },
    inputs: [fromIds ? 'input_ids' : 'inputs_embeds', modalityName, 'labels'],
    outputs(v, c) {
      const l = logits(v, c)
      const weights = llamaAttentionWeights(v, config, embed(v, c), { attention, modality: c.modality })
      return {
        logits: l,
        loss: nextTokenLoss(l, c.labels),
        ...(has('attention_weights_layer0') ? { attention_weights_layer0: weights[0]! } : {}),
      }
    },
    objective: (v, c) => nextTokenLoss(logits(v, c), c.labels),
    padding: { keep: hostInput(fixture, modalityName), axisOf: { logits: 1, attention_weights_layer0: 2 } },
  }
}
