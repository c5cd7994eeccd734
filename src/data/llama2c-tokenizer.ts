import { FileError } from '../util/errors.ts'
import { readTokenizerBytes } from './tokenizer-file.ts'
import { byteName, PIECE_TYPE } from './tokenizers/piece-model.ts'
import type { PieceTokenizer } from './tokenizers/piece-tokenizer.ts'
import { sentencePieceBpe } from './tokenizers/sentencepiece-bpe.ts'

/** No piece comes near; bounds what a hostile file makes us handle as one. */
const MAX_PIECE_BYTES = 4096
/** The control tokens, which the files spell otherwise. llama2.c writes the unknown one like any other. */
const SPECIAL = [
  { id: 0, name: '<unk>', standsForText: true },
  { id: 1, name: '<s>' },
  { id: 2, name: '</s>' },
] as const
/** Byte b is the token FIRST_BYTE + b, where the vocabulary has no piece for a character. */
const FIRST_BYTE = SPECIAL.length
const FIRST_PIECE = FIRST_BYTE + 256

/**
 * The tokenizer of a llama2.c checkpoint: SentencePiece BPE whose pieces spell a space as such.
 * Reads a llama2.c tokenizer file (`tok512.bin`). Throws FileError when it is not one, or when it has other than
 * `vocabSize` tokens where the checkpoint's size is given (the format itself does not tell it).
 */
export const readLlama2cTokenizer = async (path: string, vocabSize?: number): Promise<PieceTokenizer> =>
  parseLlama2cTokenizer(await readTokenizerBytes(path), path, vocabSize)

/** The same from bytes in memory; `source` names them in errors. */
export function parseLlama2cTokenizer(bytes: Uint8Array, source: string, vocabSize?: number): PieceTokenizer {
  const fail = (what: string) =>
    new FileError(`${source}: not a llama2.c tokenizer: ${what}`, {
      hint: 'the file is truncated or of another format; the model itself is another .bin',
    })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4) throw fail(`only ${bytes.length} bytes long`)
  const longest = view.getInt32(0, true)
  const pieces: string[] = []
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
    pieces.push(utf8(bytes.subarray(at, at + length), () => fail(`token ${id} is no text`)))
    scores.push(score)
    at += length
  }
  checkByteTokens(pieces, fail)
  if (vocabSize !== undefined && vocabSize !== pieces.length) {
    throw new FileError(`${source}: has ${pieces.length} tokens, the checkpoint ${vocabSize}`, {
      hint: 'take the tokenizer the checkpoint was trained with',
    })
  }
  const types = pieces.map((_, id) =>
    id === 0
      ? PIECE_TYPE.unknown
      : id < FIRST_BYTE
        ? PIECE_TYPE.control
        : id < FIRST_PIECE
          ? PIECE_TYPE.byte
          : PIECE_TYPE.normal,
  )
  return sentencePieceBpe(
    { tokens: pieces, scores, types },
    { space: ' ', special: SPECIAL, bosId: 1, eosId: 2, addsBos: true },
  )
}

function utf8(bytes: Uint8Array, error: () => FileError): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw error()
  }
}

function checkByteTokens(pieces: readonly string[], fail: (what: string) => FileError): void {
  for (let byte = 0; byte < 256; byte++) {
    if (pieces[FIRST_BYTE + byte] !== byteName(byte)) throw fail(`token ${FIRST_BYTE + byte} is not ${byteName(byte)}`)
  }
}
