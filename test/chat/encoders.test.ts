import { expect, test } from 'vitest'
import { cast } from '../../src/ir/ops.ts'
import { isTensor } from '../../src/ir/tensor.ts'
import { llamaConfig, qwenVisualConfig } from '../../src/models/config.ts'
import type { VisualChatConfig, VisualChatParams } from '../../src/models/visualchat.ts'
import { ShapeError } from '../../src/util/errors.ts'
import { flatten } from '../../src/util/tree.ts'
import { config, image, tinyChat, tinyParams, tokenizer } from './tiny-chat.ts'
import { likeliestOf, wholePass } from './whole-pass.ts'

/** Wide enough for a resampler's head; a decoder whose own heads are of another width than hidden_size / heads. */
const wide: VisualChatConfig = {
  ...config,
  language: llamaConfig({
    vocab_size: tokenizer.vocabSize,
    hidden_size: 128,
    intermediate_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 4,
    max_position_embeddings: 900,
  }),
}
const { image_size, patch_size } = config.vision
const qwen = qwenVisualConfig({
  image_size,
  patch_size,
  width: 8,
  layers: 1,
  heads: 2,
  mlp_size: 12,
  output_dim: 128,
  n_queries: 4,
})
const clip = config.vision

test.each([
  { name: 'CLIP, a layer more', vision: clip, projection: 'vit' },
  { name: 'CLIP, perceiver', vision: clip, projection: 'perceiver' },
  { name: 'Qwen-VL, linear', vision: qwen, projection: 'baseline' },
] as const)('rounds by $name equal one uncached pass', async ({ vision, projection }) => {
  const model = { ...wide, vision, projection }
  const params = tinyParams(5, model)
  const chat = tinyChat({ config: model, params, maxNewTokens: 3 })
  const chosen: number[] = []
  const questions = [
    { question: 'what is in the image?', images: [image(1)] },
    { question: 'and now?', images: [image(2)] },
  ]
  for (const question of questions) {
    const { tokens } = await chat.ask(question)
    chosen.push(...tokens.map((_, i) => chat.ids.length - tokens.length + i))
  }
  const logits = await wholePass(chat.ids, [image(1), image(2)], model, params)
  expect(chosen).toHaveLength(6)
  expect(chosen.map((at) => likeliestOf(logits[at - 1]!))).toEqual(chosen.map((at) => chat.ids[at]))
  await expect(chat.ask({ question: 'and?', images: [new Float32Array(12)] })).rejects.toThrow(ShapeError)
})

test('a model whose parameters are f16 computes in f16', async () => {
  const tree = flatten(tinyParams(5), isTensor)
  const params = tree.rebuild(tree.leaves.map((x) => cast(x, 'f16'))) as VisualChatParams // tensors for tensors
  const chat = tinyChat({ params, maxNewTokens: 3 })
  const { tokens } = await chat.ask({ question: 'what is in the image?', images: [image(1)] })
  const logits = await wholePass(chat.ids, [image(1)], config, params)
  const first = chat.ids.length - tokens.length
  expect(tokens).toEqual(tokens.map((_, i) => likeliestOf(logits[first + i - 1]!)))
})
