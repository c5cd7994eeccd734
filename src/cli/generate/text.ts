import type { TextStream } from '../../data/tokenizer.ts'
import { Continuation, type Ending } from '../../generate/continuation.ts'
import type { Stream } from '../io.ts'
import type { Writer } from './model.ts'

/** What was written after a prompt, and why no more. */
export interface Written {
  readonly text: string
  readonly tokens: number
  readonly reason: Ending | 'length'
}

/** A prompt and what follows it, written as it comes where there is a stream to write to. */
export class Text {
  readonly continuation: Continuation
  private readonly prompt: readonly number[]
  private readonly stream: TextStream
  private readonly out: Stream | undefined

  /** Throws ValueError for a stop sequence that is empty. */
  constructor({ tokenizer, ends }: Writer, prompt: readonly number[], stop: readonly string[], out?: Stream) {
    this.prompt = prompt
    this.stream = tokenizer.stream()
    this.out = out
    this.continuation = new Continuation({ stream: this.stream, ends, stop, onText: (text) => out?.write(text) })
  }

  /** Writes the prompt. */
  begin(): void {
    for (const id of this.prompt) {
      const text = this.stream.push(id)
      this.out?.write(text)
    }
  }

  /** Writes what was held back; all that followed the prompt. */
  end(): Written {
    this.continuation.finish()
    const { text, tokens, ending = 'length' } = this.continuation
    return { text, tokens: tokens.length, reason: ending }
  }
}
