import type { ClipVisionConfig, LlamaConfig } from './config.ts'

/** Ids of tokens that are no text. */
export interface SpecialTokens {
  readonly bos: number
  /** Any of these ends a text. */
  readonly eos: number | readonly number[]
  readonly pad?: number
}

type Json = Readonly<Record<string, unknown>>

/**
 * config.json of a LLaMA under the names of `transformers`' LlamaConfig. `rope_scaling` has `type`, which all versions read,
 * and `rope_type` where only those that know it can have the kind.
 */
export const llamaConfigJson = (config: LlamaConfig, dtype: string, tokens?: SpecialTokens): Json => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  ...config,
  rope_scaling: ropeScalingJson(config.rope_scaling),
  hidden_act: 'silu',
  attention_bias: false,
  attention_dropout: 0,
  mlp_bias: false,
  initializer_range: 0.02,
  pretraining_tp: 1,
  use_cache: true,
  torch_dtype: dtype,
  ...(tokens ? tokenIdsJson(tokens) : {}),
})

/** Before `rope_type` there were linear and dynamic, and `transformers` refused any third field. */
function ropeScalingJson(scaling: LlamaConfig['rope_scaling']): Json | null {
  if (!scaling) return null
  return scaling.type === 'llama3' ? { rope_type: 'llama3', ...scaling } : { ...scaling }
}

/** generation_config.json: where a text begins and ends. */
export const generationConfigJson = (tokens: SpecialTokens): Json => ({
  _from_model_config: true,
  ...tokenIdsJson(tokens),
})

const tokenIdsJson = ({ bos, eos, pad }: SpecialTokens): Json => ({
  bos_token_id: bos,
  eos_token_id: eos,
  ...(pad === undefined ? {} : { pad_token_id: pad }),
})

/** config.json of a CLIP vision tower under the names of `transformers`' CLIPVisionConfig. */
export const clipVisionConfigJson = ({ kind: _, ...config }: ClipVisionConfig, dtype: string): Json => ({
  architectures: ['CLIPVisionModel'],
  model_type: 'clip_vision_model',
  ...config,
  attention_dropout: 0,
  initializer_factor: 1,
  initializer_range: 0.02,
  projection_dim: 512,
  torch_dtype: dtype,
})

/** How images are prepared: means and standard deviations of the channels, of values from 0 to 1. */
export interface Normalisation {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** OpenAI's CLIP. */
export const CLIP_NORMALISATION: Normalisation = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
}

/** preprocessor_config.json under the names of `transformers`' CLIPImageProcessor. */
export const preprocessorConfigJson = (size: number, { mean, std }: Normalisation): Json => ({
  image_processor_type: 'CLIPImageProcessor',
  do_resize: true,
  size: { shortest_edge: size },
  resample: 3,
  do_center_crop: true,
  crop_size: { height: size, width: size },
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: mean,
  image_std: std,
  do_convert_rgb: true,
})
