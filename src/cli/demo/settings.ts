import type { WordTokenizer } from '../../data/word-tokenizer.ts'
import type { FloatDType } from '../../ir/dtype.ts'
import type { VisualChatConfig } from '../../models/visualchat.ts'
import type { DeviceChoice } from '../../runtime/choose.ts'
import { ValueError } from '../../util/errors.ts'

/** Everything that the flags of `weft demo` decide. */
export interface DemoSettings {
  readonly output: string
  readonly cache: string
  readonly device: DeviceChoice
  readonly seed: number
  /** Width of the encoder and the decoder. */
  readonly dim: number
  readonly visionLayers: number
  readonly layers: number
  readonly heads: number
  readonly patch: number
  /** Steps of the first stage, drawings and their words, and drawings in each. */
  readonly wordSteps: number
  readonly drawings: number
  /** Steps of the second stage, questions and answers, and dialogues in each. */
  readonly steps: number
  readonly batch: number
  readonly learningRate: number
  /** What training computes in; parameters and the optimiser's state are f32 either way. */
  readonly precision: FloatDType
  /** Training stops here even if steps are left. */
  readonly minutes: number
  /** Held-out questions per split in the evaluation. */
  readonly questions: number
}

export const IMAGE_SIZE = 32
export const MAX_IMAGES = 4
export const MAX_TURNS = 4
/** Positions of a conversation at chat time; training sees at most `longest` of them. */
const CONTEXT = 512

/** Widest model that the demo takes: beyond it one table of embeddings fills what a device binds at once. */
const WIDEST = 4096

/**
 * A small VisualChat: CLIP-like ViT, linear projection, LLaMA with the paper's MMCA.
 * @throws ValueError for sizes that do not divide.
 */
export function modelConfig(s: DemoSettings, tokenizer: WordTokenizer): VisualChatConfig {
  if (IMAGE_SIZE % s.patch !== 0) {
    throw new ValueError(`--patch ${s.patch}: images have ${IMAGE_SIZE} pixels on a side`, { hint: '4, 8 or 16' })
  }
  if (s.dim % (2 * s.heads) !== 0 || s.dim > WIDEST) {
    throw new ValueError(`--dim ${s.dim}: not a multiple of twice the ${s.heads} heads, up to ${WIDEST}`, {
      hint: '--dim 64 --heads 4',
    })
  }
  return {
    vision: {
      kind: 'clip',
      hidden_size: s.dim,
      intermediate_size: 2 * s.dim,
      num_hidden_layers: s.visionLayers,
      num_attention_heads: s.heads,
      num_channels: 3,
      image_size: IMAGE_SIZE,
      patch_size: s.patch,
      hidden_act: 'quick_gelu',
      layer_norm_eps: 1e-5,
    },
    language: {
      vocab_size: tokenizer.vocabSize,
      hidden_size: s.dim,
      intermediate_size: 8 * Math.ceil(s.dim / 3),
      num_hidden_layers: s.layers,
      num_attention_heads: s.heads,
      num_key_value_heads: s.heads,
      head_dim: s.dim / s.heads,
      max_position_embeddings: CONTEXT,
      rms_norm_eps: 1e-6,
      // Half of each head hardly turns within a conversation: there words meet images of like meaning at any distance.
      rope_theta: 10_000,
      rope_scaling: null,
      tie_word_embeddings: true,
    },
    projection: 'baseline',
    attention: 'mmca-paper',
    imageToken: tokenizer.imageId,
    padToken: tokenizer.padId,
  }
}
