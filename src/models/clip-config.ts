import { UnsupportedError } from '../util/errors.ts'
import { type Fields, fields } from './config-fields.ts'

export type VisionActivation = 'quick_gelu' | 'gelu'

/** A CLIP vision tower, under the names of Hugging Face's CLIPVisionConfig. */
export interface ClipVisionConfig {
  readonly kind: 'clip'
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_channels: number
  readonly image_size: number
  readonly patch_size: number
  readonly hidden_act: VisionActivation
  readonly layer_norm_eps: number
}

/** What Hugging Face leaves out of files that name the class. */
const DEFAULTS = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  image_size: 224,
  patch_size: 32,
}

/** What one layer of a CLIP encoder depends on. */
export type EncoderLayerConfig = Pick<
  ClipVisionConfig,
  'hidden_size' | 'intermediate_size' | 'num_attention_heads' | 'hidden_act' | 'layer_norm_eps'
>

/**
 * A CLIP vision configuration from a parsed config.json, of the tower or of a whole CLIP (its `vision_config`).
 * Defaults are those of Hugging Face's CLIPVisionConfig; sizes have none where the file does not say that it is one.
 * Throws ValueError for a field that is missing or makes no sense, UnsupportedError for an activation weft lacks.
 */
export function clipVisionConfig(json: unknown): ClipVisionConfig {
  const nested = fields('CLIP config', json).value('vision_config')
  const read = fields('CLIP vision config', nested ?? json)
  const named = nested !== undefined || read.value('model_type') === 'clip_vision_model'
  const size = (name: keyof typeof DEFAULTS): number => read.size(name, named ? DEFAULTS[name] : undefined)
  const config = {
    ...layerConfig(read, size),
    kind: 'clip',
    num_hidden_layers: read.layers('num_hidden_layers', named ? DEFAULTS.num_hidden_layers : undefined),
    num_channels: read.size('num_channels', 3),
    image_size: size('image_size'),
    patch_size: size('patch_size'),
  } as const
  read.divides('patch_size', 'image_size', config.image_size / config.patch_size)
  return config
}

/** The same for a single layer, where the rest of the tower is not known. */
export function encoderLayerConfig(json: unknown): EncoderLayerConfig {
  const read = fields('CLIP layer config', json)
  return layerConfig(read, (name) => read.size(name))
}

function layerConfig(read: Fields, size: (name: keyof typeof DEFAULTS) => number): EncoderLayerConfig {
  const act = read.value('hidden_act') ?? 'quick_gelu'
  if (act !== 'quick_gelu' && act !== 'gelu') {
    throw new UnsupportedError(`CLIP vision config: hidden_act ${JSON.stringify(act)}`, { hint: 'quick_gelu or gelu' })
  }
  const config = {
    hidden_size: size('hidden_size'),
    intermediate_size: size('intermediate_size'),
    num_attention_heads: size('num_attention_heads'),
    hidden_act: act,
    layer_norm_eps: read.positive('layer_norm_eps', 1e-5),
  } as const
  read.divides('num_attention_heads', 'hidden_size', config.hidden_size / config.num_attention_heads)
  return config
}
