import { type LlamaConfig, llamaConfig } from '../models/config.ts'
import { type LlamaParams, llamaSpec } from '../models/llama.ts'
import { CheckpointError, ValueError } from '../util/errors.ts'
import { type LoadModelOptions, loadModel } from './load-model.ts'
import { openCheckpoint } from './open-checkpoint.ts'
import { unusedOfLlama } from './tied-embeddings.ts'

/** How parameters are kept, and where; see `loadModel`. */
export interface LoadOptions extends Pick<LoadModelOptions, 'device' | 'store' | 'compute' | 'onProgress'> {
  /** Parsed JSON to use in place of the checkpoint's own configuration. */
  readonly config?: unknown
}

export interface Loaded<Config, Params> {
  readonly config: Config
  readonly params: Params
}

/**
 * A LLaMA decoder from a folder of Hugging Face, or from a file of GGUF, llama2.c, safetensors or PyTorch (the last two
 * with their config.json beside them).
 * @throws as `openCheckpoint` and `loadModel` do; CheckpointError for the checkpoint of another model, ValueError where
 * there is no configuration or it makes no sense, UnsupportedError for a variant that weft lacks.
 */
export async function loadLlama(path: string, options: LoadOptions = {}): Promise<Loaded<LlamaConfig, LlamaParams>> {
  const { source, kind, config: own } = await openCheckpoint(path)
  try {
    if (kind !== 'llama' && kind !== 'unknown') {
      throw new CheckpointError(`${path}: is the checkpoint of ${kind}, not of a LLaMA`)
    }
    const config = llamaConfig(needed(options.config ?? own, path))
    const ignore = await unusedOfLlama(source, config)
    return { config, params: await loadModel(llamaSpec(config), source, { ...placement(options), ignore }) }
  } finally {
    await source.close()
  }
}

/** @throws ValueError where there is none. */
export function needed(config: unknown, path: string): unknown {
  if (config !== undefined) return config
  throw new ValueError(`${path}: there is no config.json beside the weights`, {
    hint: 'put it there, or give its contents as `config`',
  })
}

/** The options that loadModel takes. */
export const placement = ({ config: _, ...options }: LoadOptions): Omit<LoadOptions, 'config'> => options
