import { UnsupportedError } from '../util/errors.ts'
import { fields } from './config-fields.ts'

export {
  type ClipVisionConfig,
  clipVisionConfig,
  type EncoderLayerConfig,
  encoderLayerConfig,
  type VisionActivation,
} from './clip-config.ts'
export { type QwenVisualConfig, qwenVisualConfig } from './qwen-config.ts'

/** RoPE scaling under Hugging Face's names. */
export type RopeScaling =
  | { readonly type: 'linear' | 'dynamic'; readonly factor: number }
  | {
      readonly type: 'llama3'
      readonly factor: number
      readonly low_freq_factor: number
      readonly high_freq_factor: number
      readonly original_max_position_embeddings: number
    }

/** A LLaMA decoder, under the names of Hugging Face's config.json. */
export interface LlamaConfig {
  readonly vocab_size: number
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  /** Width of a head, hidden_size / num_attention_heads unless the file says otherwise. */
  readonly head_dim: number
  readonly max_position_embeddings: number
  readonly rms_norm_eps: number
  readonly rope_theta: number
  readonly rope_scaling: RopeScaling | null
  /** The output layer is the token embedding; there is then no `lm_head.weight`. */
  readonly tie_word_embeddings: boolean
}

/**
 * A LLaMA configuration from a parsed config.json; fields that are absent take Hugging Face's defaults.
 * Throws ValueError for a field that is missing or makes no sense, UnsupportedError for a variant that weft lacks.
 */
export function llamaConfig(json: unknown): LlamaConfig {
  const read = fields('LLaMA config', json)
  const heads = read.size('num_attention_heads')
  const hidden = read.size('hidden_size')
  if (read.value('head_dim') == null) read.divides('num_attention_heads', 'hidden_size', hidden / heads)
  // Transformers 5 keeps the base and the scaling in one object.
  const rope = read.value('rope_parameters') ?? {}
  const config = {
    vocab_size: read.size('vocab_size'),
    hidden_size: hidden,
    intermediate_size: read.size('intermediate_size'),
    num_hidden_layers: read.layers('num_hidden_layers'),
    num_attention_heads: heads,
    num_key_value_heads: read.size('num_key_value_heads', heads),
    head_dim: read.size('head_dim', hidden / heads),
    max_position_embeddings: read.size('max_position_embeddings', 2048),
    rms_norm_eps: read.positive('rms_norm_eps', 1e-6),
    rope_theta: read.positive('rope_theta', fields('rope_parameters', rope).positive('rope_theta', 10000)),
    rope_scaling: ropeScaling(read.value('rope_scaling') ?? rope),
    tie_word_embeddings: read.flag('tie_word_embeddings', false),
  }
  read.divides('num_key_value_heads', 'num_attention_heads', heads / config.num_key_value_heads)
  if (config.head_dim % 2 !== 0) read.fail(`heads of odd size ${config.head_dim} cannot be rotated`)
  read.only('hidden_act', 'silu')
  read.only('attention_bias', false)
  read.only('mlp_bias', false)
  return config
}

/**
 * The most positions that a decoder is meant for: linear and dynamic scaling stretch those of its configuration by their
 * factor; with llama3 scaling the configuration has the stretched number.
 */
export function mostPositions({ max_position_embeddings: most, rope_scaling: scaling }: LlamaConfig): number {
  return scaling && scaling.type !== 'llama3' ? Math.floor(most * scaling.factor) : most
}

/** `rope_scaling` as old ({type}) and new ({rope_type}) configurations write it. */
function ropeScaling(json: unknown): RopeScaling | null {
  const read = fields('rope_scaling', json)
  const type = read.value('rope_type') ?? read.value('type')
  // `rope_parameters` may hold a base alone.
  if (type === 'default' || (type === undefined && read.value('factor') === undefined)) return null
  if (type === 'linear' || type === 'dynamic') return { type, factor: read.positive('factor') }
  if (type !== 'llama3') {
    throw new UnsupportedError(`rope_scaling of type ${JSON.stringify(type)}`, {
      hint: 'none, linear, dynamic or llama3',
    })
  }
  const scaling = {
    type,
    factor: read.positive('factor'),
    low_freq_factor: read.positive('low_freq_factor'),
    high_freq_factor: read.positive('high_freq_factor'),
    original_max_position_embeddings: read.size('original_max_position_embeddings'),
  } as const
  if (scaling.low_freq_factor >= scaling.high_freq_factor) {
    read.fail(`low_freq_factor ${scaling.low_freq_factor} is not below high_freq_factor ${scaling.high_freq_factor}`)
  }
  return scaling
}
