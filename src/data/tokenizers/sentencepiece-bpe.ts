import { ValueError } from '../../util/errors.ts'
import { mergeByScore } from '../bpe-merge.ts'
import { byteOf, PIECE_TYPE, type PieceModel, wellFormed } from './piece-model.ts'
import { PieceTokenizer, type SpecialSetup } from './piece-tokenizer.ts'
import { anyOf } from './special-tokens.ts'

/** How SentencePiece spells a space. */
export const SPACE_MARK = '\u2581'

/** V pieces of a SentencePiece vocabulary; their order gives their ids. GGUF files hold the same three arrays. */
export interface SentencePieceVocabulary {
  readonly tokens: readonly string[]
  /** Of neighbours that may be joined, those whose joined piece scores highest are joined first. */
  readonly scores: ArrayLike<number>
  /** See PIECE_TYPE. */
  readonly types: ArrayLike<number>
}

export interface SentencePieceOptions extends Omit<SpecialSetup, 'tokens'> {
  /** Whether a text is encoded with a space before it; default true. */
  readonly addSpace?: boolean
  /** How the pieces spell a space; default U+2581. */
  readonly space?: string
  /** Special tokens, where they are not the control and unknown pieces of the vocabulary. */
  readonly special?: SpecialSetup['tokens']
}

/**
 * A tokenizer of SentencePiece's BPE kind, with fallback to bytes where the vocabulary has them: what LLaMA 1 and 2 use,
 * and GGUF files with `tokenizer.ggml.model = llama`. Text is taken as it is, but U+2581 is to it the same as a space.
 * @throws ValueError where the three arrays differ in length or there are no pieces.
 * Source: Kudo and Richardson, SentencePiece (arXiv:1808.06226).
 */
export function sentencePieceBpe(
  vocabulary: SentencePieceVocabulary,
  { special, addSpace, space, ...setup }: SentencePieceOptions = {},
): PieceTokenizer {
  const model = new SentencePieceBpe(vocabulary, addSpace, space)
  return new PieceTokenizer(model, { ...setup, tokens: special ?? controlTokens(vocabulary) })
}

/** The pieces that are no text: control tokens, and the one for what is unknown. */
export function controlTokens({ tokens, types }: Omit<SentencePieceVocabulary, 'scores'>): SpecialSetup['tokens'] {
  return tokens.flatMap((name, id) =>
    types[id] === PIECE_TYPE.control || types[id] === PIECE_TYPE.unknown ? [{ id, name }] : [],
  )
}

const ENCODER = new TextEncoder()

/** The bytes of a piece of such a vocabulary. */
export function sentencePieceBytes(name: string, type: number | undefined, space: string): Iterable<number> {
  const byte = type === PIECE_TYPE.byte ? byteOf(name) : undefined
  return byte === undefined ? ENCODER.encode(name.replaceAll(space, ' ')) : [byte]
}

class SentencePieceBpe implements PieceModel {
  readonly vocabSize: number
  readonly addedSpace: 'each' | 'none'
  readonly #vocabulary: SentencePieceVocabulary
  readonly #space: string
  /** What text may become; so text that spells `<0x0A>` or a control token stays text. */
  readonly #pieces = new Map<string, number>()
  /** Taken out of the text before anything is joined. */
  readonly #userDefined: RegExp | undefined
  readonly #ids = new Map<string, number>()
  readonly #byteIds: readonly (number | undefined)[]
  readonly #unknown: number | undefined

  constructor(vocabulary: SentencePieceVocabulary, addSpace = true, space = SPACE_MARK) {
    const { tokens, scores, types } = vocabulary
    if (tokens.length === 0 || scores.length !== tokens.length || types.length !== tokens.length) {
      throw new ValueError(`a vocabulary of ${tokens.length} tokens, ${scores.length} scores, ${types.length} types`, {
        hint: 'it needs one score and one type for each token',
      })
    }
    this.vocabSize = tokens.length
    this.addedSpace = addSpace ? 'each' : 'none'
    this.#vocabulary = vocabulary
    this.#space = space
    const bytes = new Array<number | undefined>(256).fill(undefined)
    const userDefined: string[] = []
    // From the end, so that the first of equal pieces stays.
    for (let id = tokens.length - 1; id >= 0; id--) {
      const [name, type] = [tokens[id]!, types[id]]
      const byte = type === PIECE_TYPE.byte ? byteOf(name) : undefined
      if (byte !== undefined) bytes[byte] = id
      if (type === PIECE_TYPE.normal || type === PIECE_TYPE.userDefined) this.#pieces.set(name, id)
      if (type === PIECE_TYPE.userDefined && name !== '') userDefined.push(name)
      if (type === PIECE_TYPE.unknown) this.#unknown = id
      this.#ids.set(name, id)
    }
    this.#byteIds = bytes
    this.#userDefined = userDefined.length > 0 ? new RegExp(`(${anyOf(userDefined)})`, 'u') : undefined
  }

  encode(text: string): number[] {
    if (text === '') return []
    const spaced = `${this.addedSpace === 'each' ? ' ' : ''}${wellFormed(text)}`.replaceAll(' ', this.#space)
    // Every second part is a separator.
    const parts = this.#userDefined ? spaced.split(this.#userDefined) : [spaced]
    const pieces = parts.flatMap((part, i) =>
      i % 2 === 1 ? [part] : mergeByScore(Array.from(part), (piece) => this.#scoreOf(piece)),
    )
    const ids: number[] = []
    for (const piece of pieces) {
      const id = this.#pieces.get(piece)
      if (id !== undefined) ids.push(id)
      else this.#fallBack(piece, ids)
    }
    return ids
  }

  bytes(id: number): Iterable<number> {
    return sentencePieceBytes(this.name(id), this.#vocabulary.types[id], this.#space)
  }

  name(id: number): string {
    return this.#vocabulary.tokens[id]!
  }

  idOf(name: string): number | undefined {
    return this.#ids.get(name)
  }

  #scoreOf(piece: string): number | undefined {
    const id = this.#pieces.get(piece)
    return id === undefined ? undefined : this.#vocabulary.scores[id]
  }

  /** A character that is no piece: its bytes, or the unknown token, which stands for a run of such characters. */
  #fallBack(character: string, ids: number[]): void {
    const bytes = Array.from(ENCODER.encode(character), (byte) => this.#byteIds[byte])
    if (bytes.every((id) => id !== undefined)) ids.push(...bytes)
    else if (this.#unknown === undefined) {
      throw new ValueError(`the vocabulary has nothing for ${JSON.stringify(character)}`, {
        hint: 'it has neither that character, nor bytes, nor an unknown token',
      })
    } else if (ids.at(-1) !== this.#unknown) ids.push(this.#unknown)
  }
}
