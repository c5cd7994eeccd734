/**
 * How a vocabulary turns text into ids and ids into bytes, special tokens aside. `PieceTokenizer` makes a tokenizer of
 * it.
 */
export interface PieceModel {
  /** Ids below this are the model's own. */
  readonly vocabSize: number
  /**
   * Where `encode` puts a space that the text has not, and decoding takes one away: before `each` stretch of text
   * between special tokens, before the `first` stretch only, or nowhere.
   */
  readonly addedSpace: 'each' | 'first' | 'none'
  /** Whether half a surrogate pair comes back as such; else it is encoded, and decoded, as U+FFFD. */
  readonly keepsHalves?: boolean
  /** The ids of a text in which nothing is special. `first` says that it stands at the very beginning. */
  encode(text: string, first: boolean): readonly number[]
  /** The UTF-8 that a token stands for; it may be a part of a character. */
  bytes(id: number): Iterable<number>
  /** How the vocabulary spells a token. */
  name(id: number): string
  /** The token spelt so. */
  idOf(name: string): number | undefined
}

/** SentencePiece's kinds of pieces, under the numbers that its own files and GGUF files have for them. */
export const PIECE_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** The byte of a token that is spelt `<0x0A>`. */
export function byteOf(name: string): number | undefined {
  const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(name)?.[1]
  return hex === undefined ? undefined : Number.parseInt(hex, 16)
}

export const byteName = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`

/** Text that UTF-8 can say: half a surrogate pair becomes U+FFFD. (`toWellFormed` came after ES2023.) */
export const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd')
