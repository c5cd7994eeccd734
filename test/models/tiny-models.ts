import { clipVisionConfig, type LlamaConfig, llamaConfig } from '../../src/models/config.ts'
import type { VisualChatConfig } from '../../src/models/visualchat.ts'

export const tinyLlama = (more: Partial<LlamaConfig> = {}): LlamaConfig => ({
  ...llamaConfig({
    vocab_size: 24,
    hidden_size: 16,
    intermediate_size: 20,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 64,
  }),
  ...more,
})

export const tinyVision = clipVisionConfig({
  hidden_size: 12,
  intermediate_size: 18,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_channels: 3,
  image_size: 8,
  patch_size: 4,
  hidden_act: 'quick_gelu',
})

export const tinyVisualChat: VisualChatConfig = {
  vision: tinyVision,
  language: tinyLlama(),
  projection: 'baseline',
  attention: 'mmca-paper',
  imageToken: 3,
  padToken: 0,
}
