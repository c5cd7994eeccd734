import type { Tokenizer } from '../data/tokenizer.ts'
import type { Tensor } from '../ir/tensor.ts'
import type { Sampler } from '../models/sampling.ts'
import type { ChatEngine } from './engine.ts'
import { readToken } from './next-token.ts'
import { TextStream } from './text-stream.ts'

/** Why a reply ended: by its own end token, at its greatest length, or because the context is full. */
export type EndReason = 'end' | 'length' | 'context-full'

export interface ReplyOptions {
  readonly engine: ChatEngine
  readonly tokenizer: Tokenizer
  /** What the pass over the question left to choose from. */
  readonly choice: Tensor
  /** Chooses on the host; the device has chosen where there is none. */
  readonly sample: Sampler | undefined
  /** Positions left in the context. */
  readonly room: number
  readonly maxNewTokens: number
  readonly onToken: ((text: string) => void) | undefined
}

export interface Reply {
  /** Empty where the model had nothing to say: it ended at once. */
  readonly text: string
  /** The token ids of the text, without the end token. */
  readonly tokens: readonly number[]
  /** The model ended its reply; it reached `maxNewTokens`; or the context is full. */
  readonly reason: EndReason
}

/**
 * Chooses token after token up to the end token. `fed` says how many of the reply's tokens, its end token among them,
 * the cache now holds.
 *
 * Throws ValueError for logits that are not finite.
 */
export async function makeReply(options: ReplyOptions): Promise<{ readonly reply: Reply; readonly fed: number }> {
  const { engine, tokenizer, sample, room, maxNewTokens, onToken } = options
  const text = new TextStream(tokenizer)
  const tokens: number[] = []
  let { choice } = options
  let fed = 0
  const feed = (token: Tensor | number): Promise<Tensor> => {
    fed++
    return engine.step(token)
  }
  const done = (reason: EndReason): { readonly reply: Reply; readonly fed: number } => {
    const rest = text.end()
    if (rest !== '') onToken?.(rest)
    return { reply: { text: text.text(), tokens, reason }, fed }
  }
  for (;;) {
    const isLast = tokens.length + 1 === maxNewTokens
    const isFull = fed === room
    // A token that was chosen on the device is there already: the next step need not wait until it is read. Should it
    // end the reply, it has only been fed earlier than the next question would have.
    const ahead = sample || isLast || isFull ? undefined : await feed(choice)
    const id = await readToken(choice, sample)
    choice.dispose()
    if (id === tokenizer.eosId) {
      ahead?.dispose()
      return done('end')
    }
    tokens.push(id)
    const piece = text.push(id)
    onToken?.(piece)
    if (isLast) return done('length')
    if (isFull) return done('context-full')
    choice = ahead ?? (await feed(id))
  }
}
