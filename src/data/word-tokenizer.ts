import { FileError, ValueError } from '../util/errors.ts'
import { field, isList } from '../util/json.ts'
import { IMAGE_TOKEN } from './template.ts'
import type { ChatTokenizer } from './tokenizer.ts'
import { byteName, type PieceModel } from './tokenizers/piece-model.ts'
import { PieceTokenizer } from './tokenizers/piece-tokenizer.ts'
import { toBytes } from './utf8.ts'

export const SPECIAL_TOKENS = ['<pad>', '<bos>', '<eos>', IMAGE_TOKEN] as const
const BYTES_AT = SPECIAL_TOKENS.length
const PIECES_AT = BYTES_AT + 256
const FORMAT = 'weft-word-tokenizer-1'

/**
 * The tiny model's tokenizer: at each place of the text the longest piece of the vocabulary is taken, and where none
 * fits, one character as its UTF-8 bytes. Ids: the special tokens, the 256 bytes, the pieces. Every string comes back
 * from its ids unchanged, because pieces are literal text and bytes cover the rest.
 */
export class WordTokenizer extends PieceTokenizer implements ChatTokenizer {
  override readonly padId: number = 0
  override readonly bosId: number = 1
  override readonly eosId: number = 2
  readonly imageId = 3
  /** Literal texts, each a token; their order gives their ids. */
  readonly pieces: readonly string[]

  /** @throws ValueError when a piece is empty, stands twice, or splits a surrogate pair. */
  constructor(pieces: readonly string[]) {
    const tokens = SPECIAL_TOKENS.map((name, id) => ({ id, name, standsForText: name === IMAGE_TOKEN }))
    super(new LongestPieces(pieces), { tokens, padId: 0, bosId: 1, eosId: 2, addsBos: true })
    this.pieces = [...pieces]
  }

  /** The vocabulary as text, for a file or a page. */
  toText(): string {
    return `${JSON.stringify({ format: FORMAT, pieces: this.pieces }, null, 1)}\n`
  }

  /**
   * The tokenizer that `toText` described.
   * @param name what to call the text in messages, such as its file.
   * @throws FileError when it is not such a text.
   */
  static fromText(text: string, name = 'the tokenizer'): WordTokenizer {
    let content: unknown
    try {
      content = JSON.parse(text)
    } catch (cause) {
      throw new FileError(`${name} is not JSON: ${(cause as Error).message}`, { hint: 'is the file complete?' })
    }
    return WordTokenizer.fromJson(content, name)
  }

  /** Whether parsed JSON says that it is such a tokenizer. */
  static describes(content: unknown): boolean {
    return field(content, 'format') === FORMAT
  }

  /** The same from JSON that is parsed already. @throws FileError when it is something else. */
  static fromJson(content: unknown, name: string): WordTokenizer {
    const pieces = field(content, 'pieces')
    if (!WordTokenizer.describes(content) || !isList(pieces) || !pieces.every((p) => typeof p === 'string')) {
      throw new FileError(`${name} is not a vocabulary of ${FORMAT}`, { hint: 'it needs the fields format and pieces' })
    }
    try {
      return new WordTokenizer(pieces)
    } catch (cause) {
      throw new FileError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }
}

class LongestPieces implements PieceModel {
  readonly vocabSize: number
  readonly addedSpace = 'none'
  readonly keepsHalves = true
  readonly #pieces: readonly string[]
  readonly #idOf: ReadonlyMap<string, number>
  /** Of the pieces that start with a character, the lengths that occur, longest first. */
  readonly #lengths: ReadonlyMap<string, readonly number[]>

  constructor(pieces: readonly string[]) {
    this.vocabSize = PIECES_AT + pieces.length
    this.#pieces = [...pieces]
    this.#idOf = new Map(pieces.map((piece, i) => [piece, PIECES_AT + i] as const))
    if (this.#idOf.size !== pieces.length || pieces.some((p) => p === '' || !isWellFormed(p))) {
      throw new ValueError('a piece of the vocabulary is empty, stands twice, or is half a character', {
        hint: 'build vocabularies with buildVocabulary',
      })
    }
    const lengths = new Map<string, Set<number>>()
    for (const piece of pieces) {
      const start = String.fromCodePoint(piece.codePointAt(0)!)
      lengths.set(start, (lengths.get(start) ?? new Set()).add(piece.length))
    }
    this.#lengths = new Map([...lengths].map(([start, set]) => [start, [...set].sort((a, b) => b - a)] as const))
  }

  encode(text: string): number[] {
    const out: number[] = []
    for (let at = 0; at < text.length; ) {
      const start = String.fromCodePoint(text.codePointAt(at)!)
      const piece = this.#longestAt(text, at, start)
      if (piece === undefined) out.push(...toBytes(start).map((byte) => BYTES_AT + byte))
      else out.push(this.#idOf.get(piece)!)
      at += (piece ?? start).length
    }
    return out
  }

  bytes(id: number): Iterable<number> {
    return id < PIECES_AT ? [id - BYTES_AT] : toBytes(this.name(id))
  }

  name(id: number): string {
    return id < PIECES_AT ? byteName(id - BYTES_AT) : this.#pieces[id - PIECES_AT]!
  }

  idOf(name: string): number | undefined {
    return this.#idOf.get(name)
  }

  #longestAt(text: string, at: number, start: string): string | undefined {
    for (const length of this.#lengths.get(start) ?? []) {
      const candidate = text.slice(at, at + length)
      if (candidate.length === length && this.#idOf.has(candidate)) return candidate
    }
    return undefined
  }
}

/** False for text with half a surrogate pair (`isWellFormed` came after ES2023). */
const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text)
