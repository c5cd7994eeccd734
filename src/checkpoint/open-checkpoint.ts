import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileError, withFile } from '../data/file-access.ts'
import { ggufSource } from '../data/gguf.ts'
import { huggingFaceSource } from '../data/huggingface.ts'
import { readJson } from '../data/json-file.ts'
import { llama2cSource } from '../data/llama2c.ts'
import { safetensorsSource } from '../data/safetensors-source.ts'
import type { TensorSource } from '../data/tensor-source.ts'
import { isLegacy } from '../data/torch-archive.ts'
import { type JsonValue, readTorchArguments } from '../data/torch-arguments.ts'
import { torchSource } from '../data/torch-source.ts'
import { FileError } from '../util/errors.ts'

/** What model a checkpoint is of, as the names of its tensors tell. */
export type CheckpointKind = 'llama' | 'clip' | 'qwen-vl' | 'visualchat' | 'unknown'

export interface Checkpoint {
  /** To be closed by who opened the checkpoint. */
  readonly source: TensorSource
  readonly kind: CheckpointKind
  /** What the file itself or the config.json beside the weights says; undefined where there is neither. */
  readonly config: unknown
  /** The arguments of the training run, where a `train_args.pt` lies beside the weights. */
  readonly trainArgs: { readonly [name: string]: JsonValue } | undefined
}

/**
 * Opens a checkpoint: a folder in Hugging Face's layout (as DeepSpeed-VisualChat saves its own, too), or a file of
 * safetensors, PyTorch, GGUF or llama2.c. Which it is its contents tell, not its name.
 * @throws FileError for anything else, and as the source of that format does.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const folder = (await isFolder(path)) ? path : dirname(path)
  const { source, config } = folder === path ? await openFolder(path) : await openFile(path)
  try {
    const kind = kindOf(source.tensors)
    const trainArgs = (await exists(join(folder, 'train_args.pt')))
      ? await readTorchArguments(join(folder, 'train_args.pt'))
      : undefined
    return { source, kind, config: config ?? (await configIn(folder)), trainArgs }
  } catch (cause) {
    await source.close()
    throw cause
  }
}

interface Opened {
  readonly source: TensorSource
  readonly config: unknown
}

const openFolder = async (path: string): Promise<Opened> => ({
  source: await huggingFaceSource(path),
  config: undefined,
})

async function openFile(path: string): Promise<Opened> {
  const format = await formatOf(path)
  if (format === 'gguf' || format === 'llama2c') {
    const source = await (format === 'gguf' ? ggufSource(path) : llama2cSource(path))
    return { source, config: source.config }
  }
  return { source: await (format === 'torch' ? torchSource(path) : safetensorsSource(path)), config: undefined }
}

/** Wider than any llama2.c checkpoint, which begin with their width; far less than what text is, read as a number. */
const MAX_WIDTH = 1 << 20

/** By the first bytes: a magic, a zip archive, a header of JSON, or a width. */
function formatOf(path: string): Promise<'gguf' | 'torch' | 'safetensors' | 'llama2c'> {
  return withFile(path, async (file) => {
    const first = new Uint8Array(Math.min(9, file.size))
    await file.readInto(first, 0)
    const text = new TextDecoder('latin1').decode(first)
    if (text.startsWith('GGUF')) return 'gguf'
    if (text.startsWith('PK') || (await isLegacy(file))) return 'torch'
    if (text[8] === '{') return 'safetensors'
    const width = first.length < 9 ? 0 : new DataView(first.buffer).getUint32(0, true)
    if (width > 0 && width <= MAX_WIDTH) return 'llama2c'
    throw new FileError(`${path}: ${file.size === 0 ? 'is empty' : 'no checkpoint in a format that weft knows'}`, {
      hint: 'weft reads safetensors, PyTorch (.bin, .pt), GGUF and llama2.c, and folders of Hugging Face',
    })
  })
}

function kindOf(tensors: TensorSource['tensors']): CheckpointKind {
  const has = (start: string): boolean => [...tensors.keys()].some((name) => name.startsWith(start))
  if (has('lang_embed.') || has('lang_decoder.')) return 'visualchat'
  if (has('transformer.visual.') || has('attn_pool.')) return 'qwen-vl'
  if (has('vision_model.')) return 'clip'
  return has('model.embed_tokens.') ? 'llama' : 'unknown'
}

/** The config.json of a folder, or undefined. */
export const configIn = async (folder: string): Promise<unknown> =>
  (await exists(join(folder, 'config.json'))) ? readJson(join(folder, 'config.json')) : undefined

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (cause) {
    throw fileError(path, cause)
  }
}
