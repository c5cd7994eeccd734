import { ValueError } from '../util/errors.ts'

/** What a piece of text brought. */
export interface Passed {
  /** What may be shown: no part of it can belong to a stop sequence. */
  readonly text: string
  /** A stop sequence is complete; it and what follows are left out. */
  readonly stopped: boolean
}

/**
 * Watches a text that comes in pieces for the first of some sequences. What may be the beginning of one is held back
 * until it is known, so that no part of a stop sequence is ever shown.
 */
export class StopSequences {
  private readonly sequences: readonly string[]
  private held = ''

  /** Throws ValueError for an empty sequence, which would stop at once. */
  constructor(sequences: readonly string[]) {
    if (sequences.includes('')) throw new ValueError('generation: an empty stop sequence', { hint: 'leave it out' })
    this.sequences = sequences
  }

  /** Takes the next piece. Not to be called again after `stopped`. */
  push(piece: string): Passed {
    const text = this.held + piece
    const found = this.sequences.map((s) => text.indexOf(s)).filter((at) => at >= 0)
    if (found.length > 0) {
      this.held = ''
      return { text: text.slice(0, Math.min(...found)), stopped: true }
    }
    const keep = Math.max(0, ...this.sequences.map((s) => overlap(text, s)))
    this.held = text.slice(text.length - keep)
    return { text: text.slice(0, text.length - keep), stopped: false }
  }

  /** What was held back, once no more text comes. */
  end(): string {
    const rest = this.held
    this.held = ''
    return rest
  }
}

/** Length of the longest end of `text` that is a beginning of `sequence`, and not all of it. */
function overlap(text: string, sequence: string): number {
  for (let n = Math.min(text.length, sequence.length - 1); n > 0; n--) {
    if (text.endsWith(sequence.slice(0, n))) return n
  }
  return 0
}
