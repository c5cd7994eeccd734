import type { Sampler } from './sampling.ts'

/** Feeds token ids to the model behind what it has seen; resolves to the logits [V] after the last of them. */
export type Step = (ids: readonly number[]) => Promise<ArrayLike<number>>

export interface GenerateOptions {
  /** At least one token. */
  readonly prompt: readonly number[]
  readonly step: Step
  readonly sample: Sampler
  readonly maxNewTokens: number
  /** Ends the text, and is not part of it: the end-of-sequence token. */
  readonly isEnd?: (id: number) => boolean
  /** Positions left for the prompt and what follows; without it there is no end to them. */
  readonly room?: number
}

/** Why generation ended: an end token, enough tokens, or no position left. */
export type EndReason = 'end' | 'length' | 'context-full'

/**
 * Yields tokens one by one, as they are chosen, and returns why it ended. A token is fed back only when the next is
 * asked for. The prompt is fed at once; that it fits is the caller's to check (`checkRoom`), so that the user can be
 * told before anything runs.
 */
export async function* generate(options: GenerateOptions): AsyncGenerator<number, EndReason> {
  const { prompt, step, sample, maxNewTokens, isEnd = () => false, room = Number.POSITIVE_INFINITY } = options
  let next = prompt
  let used = 0
  for (let made = 0; made < maxNewTokens; made++) {
    used += next.length
    if (used > room) return 'context-full'
    const id = sample(await step(next))
    if (isEnd(id)) return 'end'
    yield id
    next = [id]
  }
  return 'length'
}
