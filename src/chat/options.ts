import type { CompileOptions } from '../compile.ts'
import type { ChatTokenizer } from '../data/tokenizer.ts'
import { StopSequences } from '../generate/stop.ts'
import { mostPositions } from '../models/config.ts'
import { type SamplingOptions, sampler } from '../models/sampling.ts'
import type { VisualChatConfig, VisualChatParams } from '../models/visualchat.ts'
import { UnsupportedError, ValueError } from '../util/errors.ts'

export interface ChatOptions {
  readonly params: VisualChatParams
  readonly config: VisualChatConfig
  readonly tokenizer: ChatTokenizer
  /** `auto` unless said. */
  readonly device?: CompileOptions['device']
  /** Positions of a conversation, its images' among them; as many as the model was made for, unless said. */
  readonly contextLength?: number
  /** Longest reply, 256 tokens unless said. */
  readonly maxNewTokens?: number
  /** The likeliest token always, unless said. */
  readonly sampling?: Omit<SamplingOptions, 'random'>
  /** Texts that end a reply and are no part of it, none unless said. The model's own end token ends it always. */
  readonly stop?: readonly string[]
  /** Of the random choices at a temperature above 0: equal seeds give equal conversations. 0 unless said. */
  readonly seed?: number
  /**
   * Turns are padded to a multiple of so many positions, each multiple a program to compile. 32 unless said.
   */
  readonly turnMultiple?: number
}

export type ResolvedOptions = Required<Omit<ChatOptions, 'params' | 'device'>> & {
  readonly device: NonNullable<ChatOptions['device']>
}

/**
 * The options with their defaults.
 *
 * Throws ValueError for numbers out of range and for a tokenizer that does not fit the model, UnsupportedError for
 * attention that a KV cache changes.
 */
export function resolveOptions({ config, tokenizer, ...options }: ChatOptions): ResolvedOptions {
  const { max_position_embeddings: trained, vocab_size: V } = config.language
  const { contextLength = trained, maxNewTokens = 256, sampling = {}, stop = [], seed = 0, turnMultiple = 32 } = options
  for (const [name, value] of Object.entries({ contextLength, maxNewTokens, turnMultiple })) {
    if (!(Number.isInteger(value) && value > 0)) throw new ValueError(`chat: ${name} ${value}`, { hint: 'at least 1' })
  }
  const most = mostPositions(config.language)
  if (contextLength > most) {
    throw new ValueError(`chat: contextLength ${contextLength}, but the model has ${most} positions`, {
      hint: `at most ${most}`,
    })
  }
  // So that options out of range are told now, not with the first reply.
  sampler({ ...sampling, random: () => 0 })
  new StopSequences(stop)
  if (config.imageToken !== tokenizer.imageId || tokenizer.vocabSize > V) {
    throw new ValueError(
      `chat: a tokenizer of ${tokenizer.vocabSize} ids, ${tokenizer.imageId} for images, with a model of ${V} ids, ` +
        `${config.imageToken} for images`,
      { hint: 'use the tokenizer that the model was trained with' },
    )
  }
  if (config.attention === 'mmca-release') {
    throw new UnsupportedError('chat: mmca-release attention', {
      hint: 'there earlier positions attend to later images, which a KV cache cannot follow: use mmca-paper or causal',
    })
  }
  return {
    config,
    tokenizer,
    device: options.device ?? 'auto',
    contextLength,
    maxNewTokens,
    sampling,
    stop,
    seed,
    turnMultiple,
  }
}
