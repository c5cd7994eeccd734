import type { TextStream } from '../../data/tokenizer.ts'
import { StopSequences } from '../../generate/stop.ts'
import type { Stream } from '../io.ts'
import type { Writer } from './model.ts'

export type EndReason = 'end' | 'stop' | 'length'

/** What was written after a prompt, and why no more. */
export interface Written {
  readonly text: string
  readonly tokens: number
  readonly reason: EndReason
}

/** One text as it grows: its tokens become characters, are held against the stop sequences, and written. */
export class Text {
  /** Tokens chosen. */
  tokens = 0
  /** Why the text has ended; undefined while it goes on. */
  reason: EndReason | undefined
  private text = ''
  private readonly prompt: readonly number[]
  private readonly ends: ReadonlySet<number>
  private readonly stream: TextStream
  private readonly stop: StopSequences
  private readonly out: Stream | undefined

  /** Writes to `out` where it is given. Throws ValueError for a stop sequence that is empty. */
  constructor({ tokenizer, ends }: Writer, prompt: readonly number[], stop: readonly string[], out?: Stream) {
    this.prompt = prompt
    this.ends = ends
    this.stream = tokenizer.stream()
    this.stop = new StopSequences(stop)
    this.out = out
  }

  /** Writes the prompt. */
  begin(): void {
    for (const id of this.prompt) {
      const text = this.stream.push(id)
      this.out?.write(text)
    }
  }

  /** Takes the next token; once the text has ended, whatever comes is of no use. */
  push(id: number): void {
    if (this.reason !== undefined) return
    this.tokens++
    if (this.ends.has(id)) {
      this.reason = 'end'
      return
    }
    const { text, stopped } = this.stop.push(this.stream.push(id))
    this.write(text)
    if (stopped) this.reason = 'stop'
  }

  /** Writes what was held back; all that followed the prompt. */
  end(): Written {
    if (this.reason !== 'stop') {
      const { text, stopped } = this.stop.push(this.stream.end())
      this.write(stopped ? text : text + this.stop.end())
      if (stopped) this.reason = 'stop'
    }
    return { text: this.text, tokens: this.tokens, reason: this.reason ?? 'length' }
  }

  private write(text: string): void {
    this.text += text
    this.out?.write(text)
  }
}
