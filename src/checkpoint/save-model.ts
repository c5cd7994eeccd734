import type { ClipVisionConfig, LlamaConfig } from '../models/config.ts'
import {
  CLIP_NORMALISATION,
  clipVisionConfigJson,
  generationConfigJson,
  llamaConfigJson,
  type Normalisation,
  preprocessorConfigJson,
  type SpecialTokens,
} from '../models/huggingface-config.ts'
import { type LlamaParams, llamaSpec } from '../models/llama.ts'
import { imageShape } from '../models/vision.ts'
import { type VisualChatConfig, type VisualChatParams, visualChatSpec } from '../models/visualchat.ts'
import { visualChatConfigJson } from '../models/visualchat-config.ts'
import { type ClipVisionParams, clipVisionSpec } from '../models/vit.ts'
import { pendingParams } from './pending-params.ts'
import { type SaveOptions, saveFolder, torchDType } from './save-folder.ts'

export interface LlamaModel {
  readonly params: LlamaParams
  readonly config: LlamaConfig
  /** Without them config.json leaves it to the reader what ends a text, and there is no generation_config.json. */
  readonly tokens?: SpecialTokens
}

export interface ClipVisionModel {
  readonly params: ClipVisionParams
  readonly config: ClipVisionConfig
  /** How its images were normalised; as OpenAI's CLIP has it unless given. */
  readonly normalisation?: Normalisation
}

export interface VisualChatModel {
  readonly params: VisualChatParams
  readonly config: VisualChatConfig
  /** How its images were normalised, for preprocessor_config.json, which there is only then. */
  readonly normalisation?: Normalisation
}

/**
 * Writes a LLaMA or a CLIP vision tower as a folder that `transformers` loads: config.json, model.safetensors (in several
 * files with an index where it is large), and what goes with it. Parameters are copied from their device one at a time. The
 * folder is replaced as a whole, once all is written; one that holds anything else is refused.
 *
 * Throws CheckpointError where parameters and configuration do not fit each other, UnsupportedError for quantised or adapted
 * weights, ValueError for a number that `dtype` cannot hold or a file that is no tokenizer's, FileError when the disk refuses.
 */
export async function saveHuggingFace(
  folder: string,
  model: LlamaModel | ClipVisionModel,
  options: SaveOptions = {},
): Promise<void> {
  if (isLlama(model)) return saveLlama(folder, model, options)
  const { params, config, normalisation = CLIP_NORMALISATION } = model
  const tensors = pendingParams(clipVisionSpec(config), params, options.dtype)
  const json = {
    'config.json': clipVisionConfigJson(config, torchDType(tensors)),
    'preprocessor_config.json': preprocessorConfigJson(config.image_size, normalisation),
  }
  await saveFolder(folder, tensors, json, options)
}

const isLlama = (model: LlamaModel | ClipVisionModel): model is LlamaModel => 'vocab_size' in model.config

async function saveLlama(folder: string, { params, config, tokens }: LlamaModel, options: SaveOptions): Promise<void> {
  // A layer that is tied to the embedding is not stored, whether or not the parameters hold it twice.
  const { lm_head, ...rest } = params
  const own = config.tie_word_embeddings || !lm_head ? rest : { ...rest, lm_head }
  const tensors = pendingParams(llamaSpec(config), own, options.dtype)
  const json = {
    'config.json': llamaConfigJson(config, torchDType(tensors), tokens),
    ...(tokens ? { 'generation_config.json': generationConfigJson(tokens) } : {}),
  }
  await saveFolder(folder, tensors, json, options)
}

/**
 * Writes a VisualChat in the same way: weights under the release's names (`vis_encoder.`, `lang_decoder.`, `lang_embed.`,
 * `projection.`), and config.json as `visualChatConfigJson` describes it. Throws as `saveHuggingFace` does.
 */
export async function saveVisualChat(
  folder: string,
  { params, config, normalisation }: VisualChatModel,
  options: SaveOptions = {},
): Promise<void> {
  const tensors = pendingParams(visualChatSpec(config), params, options.dtype)
  const [, size] = imageShape(config.vision)
  const json = {
    'config.json': visualChatConfigJson(config, torchDType(tensors)),
    ...(normalisation ? { 'preprocessor_config.json': preprocessorConfigJson(size, normalisation) } : {}),
  }
  await saveFolder(folder, tensors, json, options)
}
