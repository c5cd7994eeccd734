import { UnsupportedError, ValueError } from '../util/errors.ts'

/** RoPE scaling under Hugging Face's names. */
export interface RopeScaling {
  readonly type: 'linear' | 'dynamic'
  readonly factor: number
}

/** A LLaMA decoder, under the names of Hugging Face's config.json. */
export interface LlamaConfig {
  readonly vocab_size: number
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  readonly max_position_embeddings: number
  readonly rms_norm_eps: number
  readonly rope_theta: number
  readonly rope_scaling: RopeScaling | null
  /** The output layer is the token embedding; there is then no `lm_head.weight`. */
  readonly tie_word_embeddings: boolean
}

export type VisionActivation = 'quick_gelu' | 'gelu'

/** A CLIP vision tower, under the names of Hugging Face's CLIPVisionConfig. */
export interface ClipVisionConfig {
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

/**
 * A LLaMA configuration from a parsed config.json; fields that are absent take Hugging Face's defaults.
 * Throws ValueError for a field that is missing or makes no sense, UnsupportedError for a variant that weft lacks.
 */
export function llamaConfig(json: unknown): LlamaConfig {
  const read = fields('LLaMA config', json)
  const heads = read.size('num_attention_heads')
  const config = {
    vocab_size: read.size('vocab_size'),
    hidden_size: read.size('hidden_size'),
    intermediate_size: read.size('intermediate_size'),
    num_hidden_layers: read.size('num_hidden_layers'),
    num_attention_heads: heads,
    num_key_value_heads: read.size('num_key_value_heads', heads),
    max_position_embeddings: read.size('max_position_embeddings', 2048),
    rms_norm_eps: read.positive('rms_norm_eps', 1e-6),
    rope_theta: read.positive('rope_theta', 10000),
    rope_scaling: ropeScaling(read.value('rope_scaling')),
    tie_word_embeddings: read.flag('tie_word_embeddings', false),
  }
  read.divides('num_attention_heads', 'hidden_size', config.hidden_size / heads)
  read.divides('num_key_value_heads', 'num_attention_heads', heads / config.num_key_value_heads)
  if ((config.hidden_size / heads) % 2 !== 0)
    read.fail(`heads of odd size ${config.hidden_size / heads} cannot be rotated`)
  read.only('hidden_act', 'silu')
  read.only('attention_bias', false)
  read.only('mlp_bias', false)
  read.only('head_dim', config.hidden_size / heads)
  return config
}

/**
 * A CLIP vision configuration from a parsed config.json (or its `vision_config`); defaults are those of
 * Hugging Face's CLIPVisionConfig.
 * Throws ValueError for a field that is missing or makes no sense, UnsupportedError for an activation weft lacks.
 */
export function clipVisionConfig(json: unknown): ClipVisionConfig {
  const read = fields('CLIP vision config', json)
  const act = read.value('hidden_act') ?? 'quick_gelu'
  if (act !== 'quick_gelu' && act !== 'gelu') {
    throw new UnsupportedError(`CLIP vision config: hidden_act ${JSON.stringify(act)}`, { hint: 'quick_gelu or gelu' })
  }
  const config = {
    hidden_size: read.size('hidden_size'),
    intermediate_size: read.size('intermediate_size'),
    num_hidden_layers: read.size('num_hidden_layers'),
    num_attention_heads: read.size('num_attention_heads'),
    num_channels: read.size('num_channels', 3),
    image_size: read.size('image_size'),
    patch_size: read.size('patch_size'),
    hidden_act: act,
    layer_norm_eps: read.positive('layer_norm_eps', 1e-5),
  } as const
  read.divides('num_attention_heads', 'hidden_size', config.hidden_size / config.num_attention_heads)
  read.divides('patch_size', 'image_size', config.image_size / config.patch_size)
  return config
}

/** `rope_scaling` as old ({type}) and new ({rope_type}) configurations write it. */
function ropeScaling(json: unknown): RopeScaling | null {
  if (json === undefined || json === null) return null
  const read = fields('rope_scaling', json)
  const type = read.value('rope_type') ?? read.value('type')
  if (type === 'default') return null
  if (type !== 'linear' && type !== 'dynamic') {
    throw new UnsupportedError(`rope_scaling of type ${JSON.stringify(type)}`, { hint: 'none, linear or dynamic' })
  }
  return { type, factor: read.positive('factor') }
}

/** Checked access to the fields of a JSON object; `what` opens every message. */
function fields(what: string, json: unknown) {
  const fail = (problem: string): never => {
    throw new ValueError(`${what}: ${problem}`)
  }
  if (typeof json !== 'object' || json === null) return fail('not an object')
  const object = json as Readonly<Record<string, unknown>> // only read through `value`, as unknown
  const value = (name: string): unknown => object[name]
  const number = (name: string, ok: (x: number) => boolean, wanted: string, fallback?: number): number => {
    const x = value(name) ?? fallback
    if (typeof x === 'number' && ok(x)) return x
    return fail(`${name} is ${JSON.stringify(x) ?? 'missing'}, not ${wanted}`)
  }
  return {
    fail,
    value,
    size: (name: string, fallback?: number) =>
      number(name, (x) => Number.isInteger(x) && x > 0, 'a positive integer', fallback),
    positive: (name: string, fallback?: number) =>
      number(name, (x) => Number.isFinite(x) && x > 0, 'a positive number', fallback),
    flag(name: string, fallback: boolean): boolean {
      const x = value(name) ?? fallback
      return typeof x === 'boolean' ? x : fail(`${name} is ${JSON.stringify(x)}, not true or false`)
    },
    divides(divisor: string, dividend: string, quotient: number): void {
      if (!Number.isInteger(quotient)) fail(`${dividend} is not a multiple of ${divisor}`)
    },
    /** A field that may stand in the file, with one value only. */
    only(name: string, supported: unknown): void {
      const x = value(name) ?? supported
      if (x !== supported)
        throw new UnsupportedError(`${what}: ${name} ${JSON.stringify(x)}`, {
          hint: `only ${JSON.stringify(supported)}`,
        })
    },
  }
}
