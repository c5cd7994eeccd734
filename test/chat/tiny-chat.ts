import type { ChatOptions } from '../../src/chat/options.ts'
import type { ChatSession } from '../../src/chat/session.ts'
import { createChat } from '../../src/chat/session.ts'
import { Random } from '../../src/data/random.ts'
import { buildVocabulary, TEMPLATE_PIECES } from '../../src/data/vocabulary.ts'
import { key, mul } from '../../src/ir/ops.ts'
import { clipVisionConfig, llamaConfig } from '../../src/models/config.ts'
import { initParams } from '../../src/models/init.ts'
import { type VisualChatConfig, type VisualChatParams, visualChatSpec } from '../../src/models/visualchat.ts'

export const tokenizer = buildVocabulary(['what is in the image ? a cat and a dog . and now'], TEMPLATE_PIECES)

export const config: VisualChatConfig = {
  vision: clipVisionConfig({
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_channels: 3,
    image_size: 4,
    patch_size: 2,
    hidden_act: 'quick_gelu',
  }),
  language: llamaConfig({
    vocab_size: tokenizer.vocabSize,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 128,
  }),
  projection: 'baseline',
  attention: 'mmca-paper',
  imageToken: tokenizer.imageId,
  padToken: tokenizer.padId,
}

/** Random parameters; embeddings and output rows large, so that replies vary and depend on what was said. */
export function tinyParams(seed = 1): VisualChatParams {
  const params = initParams(visualChatSpec(config), key(seed))
  const { lang_decoder: decoder, lang_embed: embed } = params
  return {
    ...params,
    lang_embed: { weight: mul(embed.weight, 50) },
    lang_decoder: { ...decoder, lm_head: { weight: mul(decoder.lm_head!.weight, 50) } },
  }
}

export const params = tinyParams()

/** Pixels [3,4,4] of noise. */
export function image(seed: number): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length: 48 }, () => random.normal())
}

export const tinyChat = (options: Partial<ChatOptions> = {}): ChatSession =>
  createChat({ params, config, tokenizer, device: 'reference', maxNewTokens: 6, ...options })
