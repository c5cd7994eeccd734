import type { ChatTokenizer } from '../data/tokenizer.ts'
import { Continuation, type Ending } from '../generate/continuation.ts'
import { readTokens } from '../generate/next-token.ts'
import type { Tensor } from '../ir/tensor.ts'
import type { Sampler } from '../models/sampling.ts'
import type { ChatEngine } from './engine.ts'

/** Why a reply ended: as the model would have it, at its greatest length, or as the context is full. */
export type EndReason = Ending | 'length' | 'context-full'

export interface ReplyOptions {
  readonly engine: ChatEngine
  readonly tokenizer: ChatTokenizer
  /** What the pass over the question left to choose from. */
  readonly choice: Tensor
  /** Chooses on the host; the device has chosen where there is none. */
  readonly sample: Sampler | undefined
  /** The conversation's ids before the reply, which the sampler may look at. */
  readonly context: readonly number[]
  /** Texts that end a reply, and are no part of it. */
  readonly stop: readonly string[]
  /** Positions left in the context. */
  readonly room: number
  readonly maxNewTokens: number
  readonly onToken: ((text: string) => void) | undefined
}

export interface Reply {
  /** Empty where the model had nothing to say: it ended at once. */
  readonly text: string
  /** The token ids without the end token. Where a stop sequence ended the text, those of the sequence are here. */
  readonly tokens: readonly number[]
  /** The model ended its reply; a stop sequence did; it reached `maxNewTokens`; or the context is full. */
  readonly reason: EndReason
}

/**
 * Chooses token after token up to the end token. `fed` says how many of the reply's tokens, its end token among them,
 * the cache now holds.
 *
 * Throws ValueError for logits that are not finite.
 */
export async function makeReply(options: ReplyOptions): Promise<{ readonly reply: Reply; readonly fed: number }> {
  const { engine, tokenizer, sample, context, room, maxNewTokens, onToken } = options
  const written = new Continuation({
    stream: tokenizer.stream(),
    ends: new Set([tokenizer.eosId]),
    stop: options.stop,
    onText: onToken,
  })
  const ids = [...context]
  let { choice } = options
  let fed = 0
  const feed = (token: Tensor | number): Promise<Tensor> => {
    fed++
    return engine.step(token)
  }
  const done = (reason: EndReason): { readonly reply: Reply; readonly fed: number } => {
    written.finish()
    const { text, tokens, ending } = written
    return { reply: { text, tokens, reason: ending ?? reason }, fed }
  }
  for (;;) {
    const isLast = written.tokens.length + 1 === maxNewTokens
    const isFull = fed === room
    // A token that was chosen on the device is there already: the next step need not wait until it is read. Should it
    // end the reply, it has only been fed earlier than the next question would have.
    const ahead = sample || isLast || isFull ? undefined : await feed(choice)
    const [id] = (await readTokens(choice, sample && [sample], [ids])) as [number] // of one row
    choice.dispose()
    const ending = written.push(id)
    if (ending) {
      ahead?.dispose()
      return done(ending)
    }
    ids.push(id)
    if (isLast) return done('length')
    if (isFull) return done('context-full')
    choice = ahead ?? (await feed(id))
  }
}
