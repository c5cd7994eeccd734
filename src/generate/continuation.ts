import type { TextStream } from '../data/tokenizer.ts'
import { StopSequences } from './stop.ts'

/** How a model ended a text: by a token, or by a stop sequence. */
export type Ending = 'end' | 'stop'

export interface ContinuationOptions {
  /** Turns ids into characters; it may have taken in a prompt before. */
  readonly stream: TextStream
  /** Ids that end a text, and are no part of it. */
  readonly ends: ReadonlySet<number>
  /** Texts that do, too. */
  readonly stop: readonly string[]
  /** Told of each token that does not end the text: what it adds, which may be nothing as yet. */
  readonly onText?: ((text: string) => void) | undefined
}

/** A text that a model writes, token by token: they become characters, which are held against the stop sequences. */
export class Continuation {
  /** Without the one that ended it. Where a stop sequence did, its tokens are here. */
  readonly tokens: number[] = []
  text = ''
  /** How it has ended; undefined while it goes on, and where its writer had enough. */
  ending: Ending | undefined
  private readonly options: ContinuationOptions
  private readonly stop: StopSequences

  /** Throws ValueError for a stop sequence that is empty. */
  constructor(options: ContinuationOptions) {
    this.options = options
    this.stop = new StopSequences(options.stop)
  }

  /** Takes the next token, and tells whether it ended the text; once that has ended, what comes is of no use. */
  push(id: number): Ending | undefined {
    if (this.ending) return this.ending
    if (this.options.ends.has(id)) {
      this.finish()
      this.ending ??= 'end'
      return this.ending
    }
    this.tokens.push(id)
    const { text, stopped } = this.stop.push(this.options.stream.push(id))
    this.tell(text)
    if (stopped) this.ending = 'stop'
    return this.ending
  }

  /** No more tokens come: what was held back is text. */
  finish(): void {
    if (this.ending) return
    const { text, stopped } = this.stop.push(this.options.stream.end())
    const rest = stopped ? text : text + this.stop.end()
    if (stopped) this.ending = 'stop'
    if (rest !== '') this.tell(rest)
  }

  private tell(text: string): void {
    this.text += text
    this.options.onText?.(text)
  }
}
