import { layeredSource } from '../data/layered-source.ts'
import { renamedSource } from '../data/renamed-source.ts'
import type { TensorSource } from '../data/tensor-source.ts'
import { isBuffer } from '../models/fit.ts'
import { type VisualChatConfig, type VisualChatParams, visualChatSpec } from '../models/visualchat.ts'
import { visualChatConfig } from '../models/visualchat-config.ts'
import { isObject } from '../util/json.ts'
import { type Loaded, type LoadOptions, placement } from './load-llama.ts'
import { loadModel } from './load-model.ts'
import { visionTensors } from './load-vision.ts'
import { type Checkpoint, openCheckpoint } from './open-checkpoint.ts'
import { releaseConfig } from './release-config.ts'
import { unusedOfLlama } from './tied-embeddings.ts'

/** Where the parts of a DeepSpeed-VisualChat are, as its own commands take them. */
export interface VisualChatPaths {
  /** A folder that training saved (`epoch-5`). */
  readonly checkpoint: string
  /** The CLIP or Qwen-VL that training began with, and the LLaMA: for their configurations. */
  readonly vision?: string
  readonly language?: string
}

export interface LoadVisualChatOptions extends Omit<LoadOptions, 'config'> {
  /** What the checkpoint does not say, or says wrongly. */
  readonly config?: Partial<VisualChatConfig>
}

/**
 * A VisualChat: from a folder that `weft demo` saved, which has its whole configuration, or from one of
 * DeepSpeed-VisualChat's training with the models that it began with. Of the latter, tensors that the checkpoint lacks
 * come from these models, as the release loads them; what is then still missing is an error. Its weights are those with
 * LoRA fused in (the release saves no others), and the factors beside them are passed over.
 *
 * Where the arguments in `train_args.pt` do not say it, the projection is told by its tensors' names. The vocabulary is
 * as large as the embeddings, which the release grows; `<image>` is looked up in `added_tokens.json`, and padding is
 * the end of text.
 *
 * @throws as `openCheckpoint` and `loadModel` do; ValueError for what neither the files nor `config` say.
 */
export async function loadVisualChat(
  paths: string | VisualChatPaths,
  options: LoadVisualChatOptions = {},
): Promise<Loaded<VisualChatConfig, VisualChatParams>> {
  const {
    checkpoint: path,
    vision,
    language,
  }: VisualChatPaths = typeof paths === 'string' ? { checkpoint: paths } : paths
  const opened: Checkpoint[] = []
  const open = async (part: string | undefined): Promise<Checkpoint | undefined> => {
    if (part === undefined) return undefined
    opened.push(await openCheckpoint(part))
    return opened.at(-1)
  }
  try {
    const checkpoint = (await open(path))!
    const bases = { vision: await open(vision), language: await open(language) }
    const config = isOurs(checkpoint.config)
      ? { ...visualChatConfig(checkpoint.config), ...options.config }
      : await releaseConfig(path, checkpoint, bases, options.config)
    const source = layeredSource(path, [
      checkpoint.source,
      ...(bases.vision ? [prefixed(visionTensors(bases.vision), 'vis_encoder.')] : []),
      ...(bases.language ? [prefixed(bases.language.source, 'lang_decoder.')] : []),
    ])
    const unused = await unusedOfLlama(source, config.language, 'lang_decoder.')
    const ignore = (name: string): boolean => unused(name) || isBuffer(name) || isAdapter(name)
    const { config: _, ...place } = options
    return { config, params: await loadModel(visualChatSpec(config), source, { ...placement(place), ignore }) }
  } finally {
    await Promise.all(opened.map(({ source }) => source.close()))
  }
}

const prefixed = (source: TensorSource, prefix: string): TensorSource => renamedSource(source, (name) => prefix + name)

const isAdapter = (name: string): boolean => /\.lora_(left|right)_weight$/.test(name)

const isOurs = (config: unknown): boolean => isObject(config) && 'vision' in config && 'language' in config
