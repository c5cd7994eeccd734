import { Random } from '../data/random.ts'
import { instructionIds } from '../data/sequence.ts'
import { MAX_IMAGES } from '../data/template.ts'
import { checkRoom } from '../models/kv-cache.ts'
import { isGreedy, type Sampler, sampler } from '../models/sampling.ts'
import { ValueError } from '../util/errors.ts'
import { ChatEngine } from './engine.ts'
import { type ChatOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { type Pixels, pixelData } from './pixels.ts'
import { makeReply, type Reply } from './reply.ts'
import { layOutTurn, turnLength } from './turn.ts'

export type { Reply } from './reply.ts'

export interface Question {
  readonly question: string
  /** Images that the question introduces, f32 [C,S,S] each, as the vision tower takes them. */
  readonly images?: readonly Pixels[]
  /**
   * Told of each token of the reply as it comes: the text that it completes, which is empty for a part of a character.
   * The texts joined are the reply's. If it throws, the question is taken back.
   */
  readonly onToken?: (text: string) => void
}

/** A conversation so far. A round makes the next one of it; one that fails leaves it as it was. */
interface State {
  /** All tokens, each image one. */
  readonly ids: readonly number[]
  /** How many of them are in the cache. */
  readonly fed: number
  /** How many positions they take there. */
  readonly length: number
  readonly images: number
  readonly rounds: number
}

/** A question, ready to be taken in. */
interface Plan {
  /** All tokens of the conversation, the question's included. */
  readonly ids: readonly number[]
  /** Those of them that are not in the cache. */
  readonly news: readonly number[]
  /** Positions that they take. */
  readonly count: number
  readonly pixels: readonly Float32Array[]
}

const EMPTY: State = { ids: [], fed: 0, length: 0, images: 0, rounds: 0 }

/**
 * A conversation with a VisualChat model, in the template it was trained on. Each round takes in only what is new:
 * what was said before stays in a KV cache on the device, images included.
 *
 * Source: DeepSpeed-VisualChat (arXiv:2309.14327), section 4.
 */
export class ChatSession {
  readonly contextLength: number
  private readonly options: ResolvedOptions
  private readonly engine: ChatEngine
  private state = EMPTY
  private busy = false

  /** See `createChat`. */
  constructor(options: ChatOptions) {
    this.options = resolveOptions(options)
    const { config, tokenizer, device, contextLength, sampling } = this.options
    this.contextLength = contextLength
    this.engine = new ChatEngine({
      params: options.params,
      config,
      device,
      positions: contextLength,
      maxImages: MAX_IMAGES,
      vocabSize: tokenizer.vocabSize,
      // No answer that the model learnt from holds them, and an image token would pass for an image of the next turn.
      forbidden: [tokenizer.padId, tokenizer.bosId, tokenizer.imageId],
      greedy: isGreedy(sampling),
    })
  }

  /** The conversation in tokens, each image one token: what training makes of the same turns. */
  get ids(): readonly number[] {
    return this.state.ids
  }

  /** Positions taken, of `contextLength`. */
  get length(): number {
    return this.state.length
  }

  /** Images shown so far; the next is number `images + 1`. */
  get images(): number {
    return this.state.images
  }

  /**
   * Asks a question and waits for the reply. Whatever it throws, the conversation is then as it was before.
   *
   * Throws ValueError where the question does not fit into the context, for more images than a conversation holds,
   * for logits that are not finite, and while another question is being answered; ShapeError for an image of another
   * size than the model's; DeviceError if the device fails.
   */
  async ask(question: Question): Promise<Reply> {
    this.start()
    try {
      const turn = this.plan(question)
      const { reply, state } = await this.round(turn, question.onToken).catch(async (error: unknown) => {
        // A device that cannot even do this has failed, which the first error tells better.
        await this.engine.rewind(this.state.length).catch(() => {})
        throw error
      })
      this.state = state
      return reply
    } finally {
      this.busy = false
    }
  }

  /** Forgets the conversation; what is compiled stays. Throws ValueError while a question is being answered. */
  clear(): void {
    this.start()
    this.state = EMPTY
    this.busy = false
  }

  /** Frees what the session holds on the device; it cannot be asked again. The parameters are the caller's. */
  dispose(): void {
    this.start()
    this.engine.dispose()
  }

  private start(): void {
    if (this.busy) {
      throw new ValueError('chat: a question is being answered, or the session was disposed of', {
        hint: 'await the reply first',
      })
    }
    this.busy = true
  }

  /** What is to be taken in for a question; nothing has happened yet where it throws. */
  private plan({ question, images = [] }: Question): Plan {
    const { config, tokenizer, contextLength } = this.options
    const { rounds, images: imagesBefore, fed, length } = this.state
    const template = { first: rounds === 0, imagesBefore, images: images.length, question }
    const ids = [...this.state.ids, tokenizer.bosId, ...instructionIds(template, tokenizer)]
    // The end of the reply before, if it was not fed to the model yet, comes first.
    const news = ids.slice(fed)
    const count = turnLength(news, config)
    checkRoom(contextLength, length, count)
    return { ids, news, count, pixels: images.map((image) => pixelData(image, config.vision)) }
  }

  private async round(
    { ids, news, count, pixels }: Plan,
    onToken: Question['onToken'],
  ): Promise<{ readonly reply: Reply; readonly state: State }> {
    const { config, tokenizer, turnMultiple, contextLength, maxNewTokens, stop } = this.options
    const before = this.state
    for (const [i, image] of pixels.entries()) await this.engine.encodeImage(image, before.images + i)
    const rows = Math.min(Math.ceil(count / turnMultiple) * turnMultiple, contextLength - before.length)
    const choice = await this.engine.prefill(layOutTurn(news, config, before.images, rows), before.length)
    const length = before.length + count
    const { reply, fed } = await makeReply({
      engine: this.engine,
      tokenizer,
      choice,
      sample: this.samplerOf(before.rounds),
      context: ids,
      stop,
      room: contextLength - length,
      maxNewTokens,
      onToken,
    })
    return {
      reply,
      state: {
        ids: [...ids, ...reply.tokens, ...(reply.reason === 'end' ? [tokenizer.eosId] : [])],
        fed: ids.length + fed,
        length: length + fed,
        images: before.images + pixels.length,
        rounds: before.rounds + 1,
      },
    }
  }

  /** None where the device chooses. Every round draws from numbers of its own, whatever was drawn before it. */
  private samplerOf(round: number): Sampler | undefined {
    const { sampling, seed } = this.options
    if (isGreedy(sampling)) return undefined
    const random = new Random(seed).fork('chat').fork(round)
    return sampler({ ...sampling, random: () => random.next() })
  }
}

/**
 * A conversation, empty as yet, with a VisualChat model. Programs are compiled when they are first needed.
 *
 * Throws ValueError for numbers out of range and for a tokenizer that does not fit the model; UnsupportedError for
 * `mmca-release` attention, which is not causal and so not the same under a KV cache.
 */
export const createChat = (options: ChatOptions): ChatSession => new ChatSession(options)
