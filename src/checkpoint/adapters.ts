import { join } from 'node:path'
import { readJson } from '../data/json-file.ts'
import { replaceFolder } from '../data/replace-folder.ts'
import { readSafetensors } from '../data/safetensors.ts'
import { streamSafetensors } from '../data/safetensors-stream.ts'
import { fromPeftNames, peftNames } from '../models/adapter-names.ts'
import type { Adapters } from '../models/lora.ts'
import { type LoraConfig, missingTargets } from '../models/lora-spec.ts'
import { type PeftConfig, type PeftDescription, peftConfig, peftConfigJson } from '../models/peft-config.ts'
import type { SpecTree } from '../nn/param.ts'
import { CheckpointError, ValueError } from '../util/errors.ts'
import { pendingTensor, type SaveDType } from './pending.ts'
import { writeJson } from './write-json.ts'

const CONFIG = 'adapter_config.json'
const TENSORS = 'adapter_model.safetensors'

export interface SaveAdaptersOptions extends PeftDescription {
  /** How the matrices are stored; as they are unless given. */
  readonly dtype?: SaveDType
}

/**
 * Writes adapters as a folder that PEFT loads: adapter_config.json and adapter_model.safetensors. The folder is replaced as a
 * whole, once all is written.
 *
 * Throws ValueError where there are no adapters or one is not of the configuration's rank, FileError as `replaceFolder` does.
 * Source: the guide "PEFT checkpoint format" (huggingface.co/docs/peft/developer_guides/checkpoint).
 */
export async function saveAdapters(
  folder: string,
  adapters: Adapters,
  config: LoraConfig,
  { dtype, ...description }: SaveAdaptersOptions = {},
): Promise<void> {
  const layers = Object.keys(adapters)
  const other = Object.entries(adapters).find(([, { down }]) => down.shape[0] !== config.rank)
  if (layers.length === 0 || other) {
    throw new ValueError(
      `saveAdapters: ${other ? `${other[0]} has rank ${other[1].down.shape[0]}, not ${config.rank}` : 'no adapters'}`,
    )
  }
  const pending = [...peftNames(adapters)].map(([name, tensor]) => pendingTensor(name, tensor.shape, [tensor], dtype))
  await replaceFolder(
    folder,
    (name) => name === CONFIG || name === TENSORS,
    async (fresh) => {
      await streamSafetensors(join(fresh, TENSORS), pending, { format: 'pt' })
      await writeJson(join(fresh, CONFIG), peftConfigJson(config, layers, description))
    },
  )
}

/**
 * The adapters in a folder that PEFT or `saveAdapters` wrote, for the model that `spec` describes, with their rank and alpha:
 * `withLora(params, adapters, config)`. They are on the host, as they are stored, bf16 as f32.
 *
 * Throws CheckpointError for adapters that do not fit the model or are missing, FileError for files that are not what they
 * should be, UnsupportedError for an option that weft does not build, naming the field.
 */
export async function loadAdapters(
  folder: string,
  spec: SpecTree,
): Promise<{ readonly adapters: Adapters; readonly config: PeftConfig }> {
  const path = join(folder, CONFIG)
  const config = peftConfig(await readJson(path), path)
  const { tensors } = await readSafetensors(join(folder, TENSORS))
  const adapters = fromPeftNames(spec, tensors, config.rank)
  const missing = config.targets ? missingTargets(spec, config.targets, adapters) : []
  if (missing.length > 0) {
    throw new CheckpointError(`${folder}: no adapter for ${missing.slice(0, 5).join(', ')}`, {
      hint: `${CONFIG} says that there are (target_modules)`,
    })
  }
  return { adapters, config }
}
