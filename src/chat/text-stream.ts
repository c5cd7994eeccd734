import type { Tokenizer } from '../data/tokenizer.ts'

/** Stands at the end of decoded text for the first bytes of a character whose others are still to come. */
const INCOMPLETE = /\ufffd+$/

/**
 * The text of tokens as they come. A character made of several byte tokens appears when its last one is there; the
 * pieces joined are what the tokenizer makes of all tokens at once.
 */
export class TextStream {
  private readonly tokenizer: Tokenizer
  private readonly ids: number[] = []
  private shown = 0

  constructor(tokenizer: Tokenizer) {
    this.tokenizer = tokenizer
  }

  /** The text that one more token completes. @throws ValueError for an id that the tokenizer lacks. */
  push(id: number): string {
    this.ids.push(id)
    return this.upTo(this.text().replace(INCOMPLETE, ''))
  }

  /** What was held back. */
  end(): string {
    return this.upTo(this.text())
  }

  /** The whole text. */
  text(): string {
    return this.tokenizer.decode(this.ids)
  }

  private upTo(text: string): string {
    const piece = text.slice(this.shown)
    this.shown = Math.max(this.shown, text.length)
    return piece
  }
}
