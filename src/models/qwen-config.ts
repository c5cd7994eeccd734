import { fields } from './config-fields.ts'
import { resamplerProblem } from './resampler.ts'

/** Qwen-VL's visual encoder, under the names of its config.json ("visual") and of its code's arguments. */
export interface QwenVisualConfig {
  readonly kind: 'qwen-vl'
  readonly image_size: number
  readonly patch_size: number
  /** Width of the transformer. */
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly mlp_size: number
  /** Width of what the resampler gives. */
  readonly output_dim: number
  /** Tokens that the resampler gives per image. */
  readonly n_queries: number
}

/**
 * The configuration of Qwen-VL's visual encoder from a parsed config.json, of the encoder or of a whole Qwen-VL (its
 * `visual`). The MLP's size may be given as `mlp_ratio`; queries are 256 unless said.
 * Throws ValueError for a field that is missing or makes no sense.
 */
export function qwenVisualConfig(json: unknown): QwenVisualConfig {
  const read = fields('Qwen-VL visual config', fields('Qwen-VL config', json).value('visual') ?? json)
  const width = read.size('width')
  const config = {
    kind: 'qwen-vl',
    image_size: read.size('image_size'),
    patch_size: read.size('patch_size'),
    width,
    layers: read.layers('layers'),
    heads: read.size('heads'),
    mlp_size: read.value('mlp_size') == null ? Math.floor(width * read.positive('mlp_ratio')) : read.size('mlp_size'),
    output_dim: read.size('output_dim'),
    n_queries: read.size('n_queries', 256),
  } as const
  read.divides('heads', 'width', width / config.heads)
  read.divides('patch_size', 'image_size', config.image_size / config.patch_size)
  if (!Number.isInteger(Math.sqrt(config.n_queries))) read.fail(`n_queries ${config.n_queries} is not a square`)
  const problem = resamplerProblem(config.output_dim)
  if (problem) read.fail(`output_dim ${problem}`)
  return config
}
