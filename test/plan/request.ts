import { clipVisionConfig, llamaConfig } from '../../src/models/config.ts'
import { knownConfig } from '../../src/models/known-configs.ts'
import type { PlanRequest } from '../../src/plan/request.ts'

const COMMON = {
  vision: null,
  projection: 'baseline',
  attention: 'causal',
  precision: 'f16',
  seq: 256,
  batch: 1,
  images: 0,
  rank: 4,
  bindingLimit: 2 ** 27,
  memory: null,
} as const

/** A decoder of five layers. */
export const SMALL: PlanRequest = {
  ...COMMON,
  language: llamaConfig({
    vocab_size: 512,
    hidden_size: 128,
    intermediate_size: 352,
    num_hidden_layers: 5,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 1024,
  }),
}

/** The same with an encoder of two layers and 17 features an image. */
export const SMALL_CHAT: PlanRequest = {
  ...SMALL,
  attention: 'mmca-paper',
  images: 2,
  vision: clipVisionConfig({
    hidden_size: 64,
    intermediate_size: 128,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    image_size: 32,
    patch_size: 8,
  }),
}

export const LLAMA_2_7B: PlanRequest = {
  ...COMMON,
  language: llamaConfig(knownConfig('language', 'llama-2-7b')),
  precision: 'int4',
  seq: 4096,
}
