import type { Tensor } from '../ir/tensor.ts'
import { ValueError } from '../util/errors.ts'
import { type ClipVisionConfig, clipVisionConfig } from './clip-config.ts'
import { fields } from './config-fields.ts'
import type { FeatureConfig } from './projection.ts'
import { type QwenVisualConfig, qwenVisualConfig } from './qwen-config.ts'
import { type QwenVisualParams, qwenVisual, qwenVisualSpec } from './qwen-vl.ts'
import { type ClipVisionParams, clipTokens, clipVision, clipVisionSpec } from './vit.ts'

/** The visual encoders. */
export type VisionConfig = ClipVisionConfig | QwenVisualConfig
export type VisionParams = ClipVisionParams | QwenVisualParams

/**
 * The configuration of either encoder from parsed JSON: what `kind` says, and without one Qwen-VL's where it has
 * Qwen-VL's fields. Throws what the encoder's own reader throws.
 */
export function visionConfig(json: unknown): VisionConfig {
  const read = fields('vision config', json)
  const kind = read.value('kind')
  if (kind !== undefined && kind !== 'clip' && kind !== 'qwen-vl') {
    read.fail(`kind is ${JSON.stringify(kind)}, not "clip" or "qwen-vl"`)
  }
  const isQwen = kind === 'qwen-vl' || (kind === undefined && ['visual', 'output_dim'].some((name) => read.value(name)))
  return isQwen ? qwenVisualConfig(json) : clipVisionConfig(json)
}

export const visionSpec = (config: VisionConfig) =>
  config.kind === 'clip' ? clipVisionSpec(config) : qwenVisualSpec(config)

/**
 * Features [N,P,D] of pixels [N,C,S,S].
 *
 * Throws ShapeError for images of another size, ValueError for the parameters of another encoder.
 */
export function visionFeatures(params: VisionParams, config: VisionConfig, pixels: Tensor): Tensor {
  if (config.kind === 'clip' && 'vision_model' in params) return clipVision(params, config, pixels)
  if (config.kind === 'qwen-vl' && 'attn_pool' in params) return qwenVisual(params, config, pixels)
  throw new ValueError(`the parameters are not those of a ${config.kind} encoder`)
}

/** Features P that an image gives. */
export const visionTokens = (config: VisionConfig): number =>
  config.kind === 'clip' ? clipTokens(config) : config.n_queries

/** Shape [C,S,S] of an image. */
export function imageShape(config: VisionConfig): readonly [C: number, height: number, width: number] {
  const channels = config.kind === 'clip' ? config.num_channels : 3
  return [channels, config.image_size, config.image_size]
}

/** What a projection needs to know of the encoder. Behind Qwen-VL's, `vit` is the layer that the release gives it. */
export function featureConfig(config: VisionConfig): FeatureConfig {
  if (config.kind === 'clip') return { ...config, hasClassToken: true }
  return {
    hidden_size: config.output_dim,
    intermediate_size: config.mlp_size,
    num_attention_heads: config.heads,
    hidden_act: 'gelu',
    layer_norm_eps: 1e-5,
    hasClassToken: false,
  }
}
