import { ValueError } from '../util/errors.ts'
import { didYouMean } from '../util/suggest.ts'

/** A parsed config.json, before a model's reader has checked it. */
export type ConfigJson = Readonly<Record<string, unknown>>

/** The visual encoders, by the end of their names on Hugging Face. */
export const VISION_CONFIGS = {
  'clip-vit-base-patch32': clip({ width: 768, layers: 12, heads: 12, image: 224, patch: 32 }),
  'clip-vit-base-patch16': clip({ width: 768, layers: 12, heads: 12, image: 224, patch: 16 }),
  'clip-vit-large-patch14': clip({ width: 1024, layers: 24, heads: 16, image: 224, patch: 14 }),
  'clip-vit-large-patch14-336': clip({ width: 1024, layers: 24, heads: 16, image: 336, patch: 14 }),
  'qwen-vl': {
    visual: {
      heads: 16,
      image_size: 448,
      layers: 48,
      mlp_ratio: 4.9231,
      output_dim: 4096,
      patch_size: 14,
      width: 1664,
    },
  },
} as const satisfies Readonly<Record<string, ConfigJson>>

const LLAMA_3 = { vocab_size: 128256, num_key_value_heads: 8, rope_theta: 500000 }

/** The decoders. Source: the config.json of each on Hugging Face (meta-llama, TinyLlama). */
export const LANGUAGE_CONFIGS = {
  'llama-2-7b': llama({ width: 4096, mlp: 11008, layers: 32, heads: 32 }),
  'llama-2-13b': llama({ width: 5120, mlp: 13824, layers: 40, heads: 40 }),
  'llama-2-70b': llama({ width: 8192, mlp: 28672, layers: 80, heads: 64 }, { num_key_value_heads: 8 }),
  'llama-3-8b': llama(
    { width: 4096, mlp: 14336, layers: 32, heads: 32 },
    { ...LLAMA_3, max_position_embeddings: 8192 },
  ),
  'llama-3-70b': llama(
    { width: 8192, mlp: 28672, layers: 80, heads: 64 },
    { ...LLAMA_3, max_position_embeddings: 8192 },
  ),
  'llama-3.2-1b': llama(
    { width: 2048, mlp: 8192, layers: 16, heads: 32 },
    {
      ...LLAMA_3,
      max_position_embeddings: 131072,
      tie_word_embeddings: true,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 32,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
    },
  ),
  'tinyllama-1.1b': llama(
    { width: 2048, mlp: 5632, layers: 22, heads: 32 },
    { num_key_value_heads: 4, max_position_embeddings: 2048 },
  ),
} as const satisfies Readonly<Record<string, ConfigJson>>

/**
 * A configuration that weft knows by name.
 *
 * Throws ValueError with the nearest name for any other.
 */
export function knownConfig(part: 'vision' | 'language', name: string): ConfigJson {
  const configs: Readonly<Record<string, ConfigJson>> = part === 'vision' ? VISION_CONFIGS : LANGUAGE_CONFIGS
  const found = Object.hasOwn(configs, name) ? configs[name] : undefined
  if (found) return found
  const names = Object.keys(configs)
  const guess = didYouMean(name, names)
  throw new ValueError(`no ${part} model is known as ${name}`, {
    hint: `${guess ? `${guess} ` : ''}known are ${names.join(', ')}; or give the path of a config.json`,
  })
}

interface Encoder {
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly image: number
  readonly patch: number
}

/** Source: the vision_config of openai/clip-vit-* on Hugging Face. */
function clip({ width, layers, heads, image, patch }: Encoder) {
  return {
    hidden_size: width,
    intermediate_size: 4 * width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_channels: 3,
    image_size: image,
    patch_size: patch,
    hidden_act: 'quick_gelu',
    layer_norm_eps: 1e-5,
  }
}

interface Decoder {
  readonly width: number
  readonly mlp: number
  readonly layers: number
  readonly heads: number
}

function llama({ width, mlp, layers, heads }: Decoder, others: ConfigJson = {}): ConfigJson {
  return {
    vocab_size: 32000,
    hidden_size: width,
    intermediate_size: mlp,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    rope_scaling: null,
    tie_word_embeddings: false,
    hidden_act: 'silu',
    ...others,
  }
}
