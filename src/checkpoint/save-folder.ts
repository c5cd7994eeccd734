import { join } from 'node:path'
import { replaceFolder } from '../data/replace-folder.ts'
import { type PendingTensor, streamSafetensors } from '../data/safetensors-stream.ts'
import { ValueError } from '../util/errors.ts'
import type { SaveDType } from './pending.ts'
import { INDEX, isWeightsFile, shardIndexJson, shards } from './shards.ts'
import { checkTokenizerFiles, copyTokenizerFiles, TOKENIZER_FILES } from './tokenizer-files.ts'
import { writeJson } from './write-json.ts'

export interface SaveOptions {
  /** How parameters are stored; each as it is unless given. bf16 and f16 are rounded to the nearest. */
  readonly dtype?: SaveDType
  /** A file of weights is no larger, single tensors excepted: 5 GB unless given, as in `transformers`. */
  readonly maxShardBytes?: number
  /** Files to copy: `tokenizerFilesIn(folder)` of the model that this one comes from. */
  readonly tokenizerFiles?: readonly string[]
}

const DEFAULT_SHARD_BYTES = 5e9
const JSON_FILES = ['config.json', 'generation_config.json', 'preprocessor_config.json']

const isModelFile = (name: string): boolean =>
  isWeightsFile(name) || JSON_FILES.includes(name) || TOKENIZER_FILES.includes(name)

/** A folder with weights, JSON files by name, and a tokenizer. Throws FileError as `replaceFolder` does. */
export async function saveFolder(
  folder: string,
  tensors: readonly PendingTensor[],
  jsonFiles: Readonly<Record<string, unknown>>,
  { maxShardBytes = DEFAULT_SHARD_BYTES, tokenizerFiles = [] }: SaveOptions,
): Promise<void> {
  if (!(maxShardBytes > 0)) throw new ValueError(`saving: maxShardBytes ${maxShardBytes} is not positive`)
  checkTokenizerFiles(tokenizerFiles)
  const files = shards(tensors, maxShardBytes)
  await replaceFolder(folder, isModelFile, async (fresh) => {
    // Small files first: what is wrong with them shows before hours of writing.
    await copyTokenizerFiles(tokenizerFiles, fresh)
    for (const [name, json] of Object.entries(jsonFiles)) await writeJson(join(fresh, name), json)
    if (files.length > 1) await writeJson(join(fresh, INDEX), shardIndexJson(files))
    // `transformers` refuses a file that does not say what wrote it.
    for (const { file, tensors: own } of files) await streamSafetensors(join(fresh, file), own, { format: 'pt' })
  })
}

const TORCH_NAME = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const

/** The widest type among tensors, as `torch_dtype` calls it. */
export const torchDType = (tensors: readonly PendingTensor[]): string => {
  const widest = (['F32', 'BF16', 'F16'] as const).find((type) => tensors.some(({ stored }) => stored === type))
  return TORCH_NAME[widest ?? 'F32']
}
