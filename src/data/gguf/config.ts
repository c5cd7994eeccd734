import { FileError, UnsupportedError } from '../../util/errors.ts'
import type { Fields } from './fields.ts'
import { type RopeScalingFields, ropeScalingOf } from './rope-factors.ts'

/** Fields of Hugging Face's config.json; whether a model can be of these sizes `llamaConfig` tells. */
export interface GgufConfig {
  readonly model_type: 'llama'
  readonly vocab_size: number
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  readonly head_dim: number
  readonly max_position_embeddings: number
  readonly rms_norm_eps: number
  readonly rope_theta: number
  readonly rope_scaling: RopeScalingFields | null
  readonly tie_word_embeddings: boolean
  readonly attention_bias: boolean
  readonly mlp_bias: boolean
}

/** The file's tensors, as far as they are a part of the configuration. */
export interface FromTensors {
  /** Hugging Face's. */
  readonly names: readonly string[]
  readonly ropeFactors: Float32Array | undefined
}

const ARCHITECTURES = 'of GGUF files weft reads those of LLaMA models, whose architecture is "llama"'

/** @throws UnsupportedError unless the file holds a LLaMA, all of it. */
export function checkArchitecture(fields: Fields): void {
  const architecture = fields.needed('general.architecture', fields.text('general.architecture'))
  const fail = (what: string, hint: string): never => {
    throw new UnsupportedError(`${fields.path}: ${what}`, { hint })
  }
  if (architecture !== 'llama') fail(`a model of architecture ${JSON.stringify(architecture)}`, ARCHITECTURES)
  if ((fields.number('llama.expert_count') ?? 0) > 0) fail('a mixture of experts', 'only dense models')
  const parts = fields.number('split.count') ?? 1
  if (parts > 1) fail(`one of ${parts} files of a model`, 'join them first: llama-gguf-split --merge')
}

/**
 * The configuration under the names of Hugging Face's config.json, as `llamaConfig` takes it.
 * @throws FileError for metadata that is missing or of the wrong kind, UnsupportedError for a variant that weft lacks.
 */
export function configOf(fields: Fields, tensors: FromTensors): GgufConfig {
  const size = (name: string, fallback?: number): number => {
    const key = `llama.${name}`
    const value = fields.needed(key, fields.sameInLayers(key) ?? fallback)
    if (Number.isSafeInteger(value) && value > 0) return value
    throw new FileError(`${fields.path}: metadata ${key} is ${value}, not a positive integer`)
  }
  const eps = 'llama.attention.layer_norm_rms_epsilon'
  const width = size('embedding_length')
  const heads = size('attention.head_count')
  const headDim = fields.number('llama.attention.key_length') ?? width / heads
  const rotated = fields.number('llama.rope.dimension_count') ?? headDim
  if (rotated !== headDim) {
    throw new UnsupportedError(`${fields.path}: RoPE on ${rotated} of the ${headDim} elements of a head`)
  }
  if (tensors.ropeFactors && tensors.ropeFactors.length !== headDim / 2) {
    throw new FileError(`${fields.path}: ${tensors.ropeFactors.length} factors of RoPE for heads of ${headDim}`)
  }
  const theta = decimal(fields.number('llama.rope.freq_base') ?? 10000)
  return {
    model_type: 'llama',
    vocab_size: size('vocab_size', fields.texts('tokenizer.ggml.tokens')?.length),
    hidden_size: width,
    intermediate_size: size('feed_forward_length'),
    num_hidden_layers: size('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: size('attention.head_count_kv', heads),
    head_dim: headDim,
    max_position_embeddings: size('context_length'),
    rms_norm_eps: decimal(fields.needed(eps, fields.number(eps))),
    rope_theta: theta,
    rope_scaling: ropeScaling(fields, tensors.ropeFactors, theta),
    tie_word_embeddings: !tensors.names.includes('lm_head.weight'),
    attention_bias: tensors.names.some((name) => name.includes('.self_attn.') && name.endsWith('.bias')),
    mlp_bias: tensors.names.some((name) => name.includes('.mlp.') && name.endsWith('.bias')),
  }
}

function ropeScaling(fields: Fields, factors: Float32Array | undefined, theta: number): RopeScalingFields | null {
  const oldFactor = fields.number('llama.rope.scale_linear') // before there were types
  const type = fields.text('llama.rope.scaling.type') ?? (oldFactor === undefined ? 'none' : 'linear')
  const factor = fields.number('llama.rope.scaling.factor') ?? oldFactor
  const scaling = type === 'none' || factor === 1 ? null : { rope_type: type, factor }
  const ofFactors = factors === undefined ? null : ropeScalingOf(factors, theta, fields.path)
  if (scaling !== null && ofFactors !== null) {
    throw new UnsupportedError(`${fields.path}: RoPE is scaled both by ${type} scaling and by factors`)
  }
  return scaling ?? ofFactors
}

/** The shortest decimal number that is this f32: 1e-5 as config.json has it, not 9.999999747378752e-6. */
function decimal(single: number): number {
  const short = [6, 7, 8].map((digits) => Number(single.toPrecision(digits)))
  return short.find((value) => Math.fround(value) === single) ?? single
}
