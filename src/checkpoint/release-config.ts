import { join } from 'node:path'
import { readJson } from '../data/json-file.ts'
import type { TensorSource } from '../data/tensor-source.ts'
import { llamaConfig } from '../models/config.ts'
import { attentionKind } from '../models/decoder-attention.ts'
import { type ProjectionKind, projectionKind } from '../models/projection.ts'
import { visionConfig } from '../models/vision.ts'
import type { VisualChatConfig } from '../models/visualchat.ts'
import { ValueError } from '../util/errors.ts'
import { isObject } from '../util/json.ts'
import { type Checkpoint, exists } from './open-checkpoint.ts'

/** The models that a training of DeepSpeed-VisualChat began with. */
export interface BaseModels {
  readonly vision: Checkpoint | undefined
  readonly language: Checkpoint | undefined
}

/**
 * The configuration of a folder that DeepSpeed-VisualChat's training saved, which no file of it has whole: sizes are those
 * of the models it began with, the vocabulary and the projection those of the tensors, the rest in `train_args.pt` and
 * `added_tokens.json`. What is `given` goes before all of these.
 * @throws ValueError for what nothing says.
 */
export async function releaseConfig(
  path: string,
  { source, trainArgs }: Checkpoint,
  bases: BaseModels,
  given: Partial<VisualChatConfig> = {},
): Promise<VisualChatConfig> {
  const say = <T>(value: T | undefined, name: string, hint: string): T => {
    if (value !== undefined) return value
    throw new ValueError(`${path}: nothing says ${name}`, { hint })
  }
  const base = (part: keyof BaseModels, of: string): unknown =>
    say(
      bases[part]?.config,
      `the sizes of the ${part} model`,
      `give the folder of the ${of} that training began with: ${part}`,
    )
  const argument = (name: string): unknown => trainArgs?.[name] ?? undefined
  const decoder = given.language ?? base('language', 'LLaMA')
  const eos = isObject(decoder) && typeof decoder['eos_token_id'] === 'number' ? decoder['eos_token_id'] : undefined
  const projection = argument('vis_proj') ?? projectionOf(source)
  return {
    vision: given.vision ?? visionConfig(base('vision', 'CLIP or Qwen-VL')),
    language: given.language ?? llamaConfig(resized(decoder, source, argument('max_seq_len'))),
    projection:
      given.projection ??
      projectionKind(String(say(projection, 'which projection it has', 'give config: { projection }'))),
    attention:
      given.attention ??
      attentionKind(say(attentionOf(trainArgs), 'which attention it has', 'give config: { attention }')),
    imageToken:
      given.imageToken ??
      say(await addedToken(path, '<image>'), 'which token stands for an image', 'give config: { imageToken }'),
    padToken: given.padToken ?? say(eos, 'which token pads', 'give config: { padToken }'),
  }
}

/** The decoder as training changes it: with more tokens, and for as many positions as it was asked to. */
function resized(decoder: unknown, { tensors }: TensorSource, positions: unknown): unknown {
  if (!isObject(decoder)) return decoder
  const rows = tensors.get('lang_embed.weight')?.shape[0]
  return {
    ...decoder,
    vocab_size: rows ?? decoder['vocab_size'],
    max_position_embeddings: positions ?? decoder['max_position_embeddings'],
  }
}

const attentionOf = (trainArgs: Checkpoint['trainArgs']): string | undefined =>
  trainArgs && (trainArgs['enable_mmca_attention'] === true ? 'mmca-release' : 'causal')

function projectionOf({ tensors }: TensorSource): ProjectionKind | undefined {
  if (tensors.has('projection.query')) return 'perceiver'
  if (tensors.has('projection.projection.0.weight')) return 'vit'
  return tensors.has('projection.0.weight') ? 'baseline' : undefined
}

/** The id of a token that a tokenizer of Hugging Face was given beside its own. */
async function addedToken(folder: string, token: string): Promise<number | undefined> {
  const file = join(folder, 'added_tokens.json')
  const tokens = (await exists(file)) ? await readJson(file) : undefined
  const id = isObject(tokens) ? tokens[token] : undefined
  return typeof id === 'number' ? id : undefined
}
