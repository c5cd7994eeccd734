import { FileError, ValueError } from '../util/errors.ts'
import { mergeByScore } from './bpe-merge.ts'
import { withFile } from './file-access.ts'

/** A vocabulary is read whole; the largest in use take a few MB. */
const MAX_FILE_BYTES = 256 << 20
/** No piece comes near; bounds what a hostile file makes us handle as one. */
const MAX_PIECE_BYTES = 4096
const UNKNOWN = 0
const BOS = 1
const EOS = 2
/** Byte b is the token FIRST_BYTE + b, where the vocabulary has no piece for a character. */
const FIRST_BYTE = 3
const FIRST_PIECE = FIRST_BYTE + 256
const SPACE = 0x20

/** Turns token ids into text as they come. */
export interface TextStream {
  /** The text that `id` completes: '' while the bytes of a character are still coming. */
  push(id: number): string
  /** What is left at the end: U+FFFD for a character cut short, or ''. */
  end(): string
}

/**
 * The tokenizer of a llama2.c checkpoint: SentencePiece BPE, merging the pair of the best score first.
 * Pieces are kept as bytes and looked up as binary strings (one character per byte), since a byte token alone is
 * not text.
 */
export class Llama2cTokenizer {
  readonly bosId = BOS
  readonly eosId = EOS
  readonly vocabSize: number
  readonly #pieces: readonly Uint8Array[]
  readonly #scores: readonly number[]
  /** Ordinary pieces only, so that text which spells `<0x0A>` or a control token stays text. */
  readonly #ids = new Map<string, number>()

  constructor(pieces: readonly Uint8Array[], scores: readonly number[]) {
    this.vocabSize = pieces.length
    this.#pieces = pieces
    this.#scores = scores
    for (let id = pieces.length - 1; id >= FIRST_PIECE; id--) this.#ids.set(binary(pieces[id]!), id)
  }

  /**
   * Token ids of `text`: BOS (unless `bos` is false), then the pieces of the text with a space before it, as
   * SentencePiece has it. A lone surrogate counts as U+FFFD.
   */
  encode(text: string, { bos = true }: { readonly bos?: boolean } = {}): number[] {
    const symbols = text === '' ? [] : Array.from(` ${text}`, (character) => binary(ENCODER.encode(character)))
    const pieces = mergeByScore(symbols, (piece) => this.#scoreOf(piece))
    const ids = pieces.flatMap((piece) => this.#ids.get(piece) ?? byteIds(piece))
    return bos ? [BOS, ...ids] : ids
  }

  #scoreOf(piece: string): number | undefined {
    const id = this.#ids.get(piece)
    return id === undefined ? undefined : this.#scores[id]
  }

  /**
   * The bytes a token stands for; none for BOS and EOS.
   * Throws ValueError for an id outside the vocabulary.
   */
  bytes(id: number): Uint8Array {
    const piece = this.#pieces[id]
    if (piece === undefined) throw new ValueError(`token ${id} is outside the vocabulary of ${this.vocabSize}`)
    if (id === BOS || id === EOS) return new Uint8Array(0)
    return id > UNKNOWN && id < FIRST_PIECE ? Uint8Array.of(id - FIRST_BYTE) : piece
  }

  /** The text of `ids`; the space that `encode` put before the text goes when BOS stands before it. */
  decode(ids: Iterable<number>): string {
    const stream = this.stream()
    let text = ''
    for (const id of ids) text += stream.push(id)
    return text + stream.end()
  }

  /** Decodes one token at a time, holding bytes back until they make a character. */
  stream(): TextStream {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    let previous: number | undefined
    return {
      push: (id) => {
        const bytes = this.bytes(id)
        const dummySpace = previous === BOS && bytes[0] === SPACE
        previous = id
        return decoder.decode(dummySpace ? bytes.subarray(1) : bytes, { stream: true })
      },
      end: () => decoder.decode(),
    }
  }
}

const ENCODER = new TextEncoder()
const binary = (bytes: Uint8Array): string => String.fromCharCode(...bytes)
/** How a character that is no piece is told. */
const byteIds = (piece: string): number[] => Array.from(piece, (byte) => FIRST_BYTE + byte.charCodeAt(0))

/**
 * Reads a llama2.c tokenizer file (`tok512.bin`). Throws FileError when it is not one, or when it has other than
 * `vocabSize` tokens where the checkpoint's size is given (the format itself does not tell it).
 */
export async function readLlama2cTokenizer(path: string, vocabSize?: number): Promise<Llama2cTokenizer> {
  const bytes = await withFile(path, async (file) => {
    if (file.size > MAX_FILE_BYTES) throw new FileError(`${path}: ${file.size} bytes is no tokenizer`)
    const whole = new Uint8Array(file.size)
    await file.readInto(whole, 0)
    return whole
  })
  return parseLlama2cTokenizer(bytes, path, vocabSize)
}

/** The same from bytes in memory; `source` names them in errors. */
export function parseLlama2cTokenizer(bytes: Uint8Array, source: string, vocabSize?: number): Llama2cTokenizer {
  const fail = (what: string) => new FileError(`${source}: not a llama2.c tokenizer: ${what}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4) throw fail(`only ${bytes.length} bytes long`)
  const longest = view.getInt32(0, true)
  const pieces: Uint8Array[] = []
  const scores: number[] = []
  for (let at = 4; at < bytes.length; ) {
    const id = pieces.length
    if (at + 8 > bytes.length) throw fail(`ends within token ${id}`)
    const score = view.getFloat32(at, true)
    const length = view.getInt32(at + 4, true)
    at += 8
    if (Number.isNaN(score)) throw fail(`the score of token ${id} is not a number`)
    if (length < 0 || length > bytes.length - at) throw fail(`token ${id} of ${length} bytes runs past the end`)
    if (length > MAX_PIECE_BYTES) throw fail(`token ${id} has ${length} bytes, above ${MAX_PIECE_BYTES}`)
    if (length > longest) throw fail(`token ${id} has ${length} bytes, the header says ${longest} at most`)
    pieces.push(bytes.slice(at, at + length))
    scores.push(score)
    at += length
  }
  checkByteTokens(pieces, fail)
  if (vocabSize !== undefined && vocabSize !== pieces.length) {
    throw new FileError(`${source}: has ${pieces.length} tokens, the checkpoint ${vocabSize}`, {
      hint: 'take the tokenizer the checkpoint was trained with',
    })
  }
  return new Llama2cTokenizer(pieces, scores)
}

function checkByteTokens(pieces: readonly Uint8Array[], fail: (what: string) => FileError): void {
  for (let byte = 0; byte < 256; byte++) {
    const expected = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
    const piece = pieces[FIRST_BYTE + byte]
    if (piece === undefined || piece.length !== 6 || binary(piece) !== expected) {
      throw fail(`token ${FIRST_BYTE + byte} is not ${expected}`)
    }
  }
}
