import { FileError, UnsupportedError } from '../util/errors.ts'
import type { LoraConfig } from './lora-spec.ts'

/** What an adapter_config.json says of the adapters beside it. */
export interface PeftConfig extends LoraConfig {
  /** The model that was adapted, as the file calls it. */
  readonly baseModel: string | null
  /** The layers that were adapted, by the ends of their names; undefined where the file says it in another way. */
  readonly targets: readonly string[] | undefined
}

/** Fields that change nothing of what the stored adapters compute. */
const OF_NO_CONCERN = new Set([
  ...['peft_type', 'r', 'lora_alpha', 'use_rslora', 'target_modules', 'base_model_name_or_path', 'init_lora_weights'],
  // Which layers were adapted: the file of tensors says it.
  ...['exclude_modules', 'layers_to_transform', 'layers_pattern'],
  // How they were trained, and where.
  ...['lora_dropout', 'task_type', 'inference_mode', 'auto_mapping', 'revision', 'peft_version', 'runtime_config'],
  ...['megatron_core', 'eva_config', 'qalora_group_size', 'ensure_weight_tying'],
])

/** Ways to start that also change the base's weights, to which the adapters then belong. */
const CHANGES_THE_BASE = /^(pissa|olora|loftq|corda)/

/**
 * The contents of PEFT's adapter_config.json for LoRA; fields that are absent take PEFT's defaults (r 8, lora_alpha 8).
 * `path` names the file in messages.
 *
 * Throws FileError for what is no such configuration, UnsupportedError for an option that weft does not build (DoRA, biases,
 * whole modules that are saved, ranks by pattern, ...): the message names the field.
 * Source: the guide "PEFT checkpoint format" (huggingface.co/docs/peft/developer_guides/checkpoint) and `LoraConfig`.
 */
export function peftConfig(json: unknown, path: string): PeftConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new FileError(`${path}: not an object`)
  const fields = new Map<string, unknown>(Object.entries(json))
  const type = fields.get('peft_type')
  if (type !== 'LORA') {
    throw new UnsupportedError(`${path}: peft_type ${JSON.stringify(type) ?? 'is missing'}`, { hint: 'only "LORA"' })
  }
  for (const [name, value] of fields) {
    if (!OF_NO_CONCERN.has(name) && !isOff(value)) throw unsupported(path, name, value)
  }
  const start = fields.get('init_lora_weights')
  if (typeof start === 'string' && CHANGES_THE_BASE.test(start)) throw unsupported(path, 'init_lora_weights', start)
  return {
    rank: positive(fields, 'r', 8, path),
    alpha: positive(fields, 'lora_alpha', 8, path),
    rankStabilised: fields.get('use_rslora') === true,
    targets: isNarrowed(fields) ? undefined : targetsOf(fields.get('target_modules'), path),
    baseModel: stringOrNull(fields.get('base_model_name_or_path')),
  }
}

/** What PEFT writes where an option is not used. */
const isOff = (value: unknown): boolean =>
  value === null ||
  value === false ||
  value === 'none' ||
  (typeof value === 'object' && Object.keys(value).length === 0)

const unsupported = (path: string, name: string, value: unknown): UnsupportedError =>
  new UnsupportedError(`${path}: ${name} is ${JSON.stringify(value)?.slice(0, 100)}`, {
    hint: 'weft has plain LoRA and rsLoRA on linear layers; merge the adapters in PEFT (merge_and_unload) instead',
  })

function positive(fields: ReadonlyMap<string, unknown>, name: string, fallback: number, path: string): number {
  const value = fields.get(name) ?? fallback
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw new FileError(`${path}: ${name} is ${JSON.stringify(value)}, not a positive number`)
}

/** Whether not all layers of `target_modules` were adapted. */
const isNarrowed = (fields: ReadonlyMap<string, unknown>): boolean =>
  ['exclude_modules', 'layers_to_transform'].some((name) => !isOff(fields.get(name) ?? null))

/** A text is a pattern (or "all-linear"), which the names of the tensors make superfluous. */
function targetsOf(value: unknown, path: string): readonly string[] | undefined {
  if (value === undefined || value === null || typeof value === 'string') return undefined
  if (Array.isArray(value) && value.every((name): name is string => typeof name === 'string')) return value
  throw new FileError(`${path}: target_modules is ${JSON.stringify(value)?.slice(0, 100)}, not a list of names`)
}

const stringOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null)

export interface PeftDescription {
  /** A folder, or a name on Hugging Face's hub, where the model that was adapted is to be found. */
  readonly baseModel?: string | null
  /** PEFT's kind of task; `CAUSAL_LM` for a LLaMA. */
  readonly taskType?: string | null
}

/**
 * adapter_config.json for the adapters of the named layers, under the names of PEFT's `LoraConfig`. Layers are listed one by
 * one unless ends of names say exactly which they are.
 */
export const peftConfigJson = (
  { rank, alpha, rankStabilised = false, scope, targets }: LoraConfig,
  layers: readonly string[],
  { baseModel = null, taskType = null }: PeftDescription,
): Readonly<Record<string, unknown>> => ({
  alpha_pattern: {},
  auto_mapping: null,
  base_model_name_or_path: baseModel,
  bias: 'none',
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  layers_pattern: null,
  layers_to_transform: null,
  lora_alpha: alpha,
  lora_bias: false,
  lora_dropout: 0,
  modules_to_save: null,
  peft_type: 'LORA',
  r: rank,
  rank_pattern: {},
  revision: null,
  target_modules: targets && scope === undefined ? targets : layers,
  task_type: taskType,
  use_dora: false,
  use_rslora: rankStabilised,
})
