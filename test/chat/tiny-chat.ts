import type { ChatOptions } from '../../src/chat/options.ts'
import type { ChatSession } from '../../src/chat/session.ts'
import { createChat } from '../../src/chat/session.ts'
import { Random } from '../../src/data/random.ts'
import { buildVocabulary, TEMPLATE_PIECES } from '../../src/data/vocabulary.ts'
import { WordTokenizer } from '../../src/data/word-tokenizer.ts'
import { tensor } from '../../src/ir/ops.ts'
import { sizeOf } from '../../src/ir/shape.ts'
import { clipVisionConfig, llamaConfig } from '../../src/models/config.ts'
import { buildParams } from '../../src/models/params.ts'
import { type VisualChatConfig, visualChatSpec } from '../../src/models/visualchat.ts'
import type { ParamsOf } from '../../src/nn/param.ts'

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

/** Random parameters, large enough that replies depend on all that was said and shown. */
export function tinyParams(seed: number, model = config): ParamsOf<ReturnType<typeof visualChatSpec>> {
  const random = new Random(seed)
  // That many terms of a sum keep its size: parameters are meant for widths of about 8.
  const spread = 0.7 * Math.sqrt(8 / model.language.hidden_size)
  return buildParams(visualChatSpec(model), (_, { shape, init }) => {
    const middle = init.kind === 'constant' ? init.value : 0
    return tensor(
      Float32Array.from({ length: sizeOf(shape) }, () => middle + spread * random.normal()),
      { shape },
    )
  })
}

export const params = tinyParams(3)

/** Pixels [3,4,4] of noise. */
export function image(seed: number): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length: 48 }, () => random.normal())
}

/** The tokenizer with another end token, for replies of a random model that end. */
export class EndingWith extends WordTokenizer {
  override readonly eosId: number

  constructor(eosId: number) {
    super(tokenizer.pieces)
    this.eosId = eosId
  }
}

export const endingWith = (eosId: number): WordTokenizer => new EndingWith(eosId)

export const tinyChat = (options: Partial<ChatOptions> = {}): ChatSession =>
  createChat({ params, config, tokenizer, device: 'reference', maxNewTokens: 6, ...options })
