import { PIECE_TYPE } from './piece-model.ts'
import { protobufFields } from './protobuf.ts'
import type { SentencePieceVocabulary } from './sentencepiece-bpe.ts'

/** A tokenizer.model: SentencePiece's ModelProto, as far as weft needs it. Ids are -1 where there is no such token. */
export interface SentencePieceProto extends SentencePieceVocabulary {
  readonly bosId: number
  readonly eosId: number
  readonly padId: number
  readonly addSpace: boolean
  /** Spaces stand behind words; nothing that weft decodes. */
  readonly spaceIsSuffix: boolean
}

type Fail = (what: string) => Error

const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const TYPES: ReadonlySet<number> = new Set(Object.values(PIECE_TYPE))

/**
 * Field numbers are those of sentencepiece_model.proto.
 * @param fail makes the error for what is no such file.
 */
export function readSentencePieceProto(bytes: Uint8Array, fail: Fail): SentencePieceProto {
  const tokens: string[] = []
  const scores: number[] = []
  const types: number[] = []
  // Defaults of the format.
  const trainer = new Map([
    [24, 0],
    [41, 1],
    [42, 2],
    [43, -1],
  ])
  const normalizer = new Map([[3, 1]])
  for (const { number, value } of protobufFields(bytes, fail)) {
    if (number === 1) {
      const piece = readPiece(message(value, fail), fail, tokens.length)
      tokens.push(piece.text)
      scores.push(piece.score)
      types.push(piece.type)
    } else if (number === 2) numbers(message(value, fail), trainer, fail)
    else if (number === 3) numbers(message(value, fail), normalizer, fail)
  }
  if (tokens.length === 0) throw fail('it has no pieces')
  if (!types.includes(PIECE_TYPE.unknown)) throw fail('it has no unknown piece')
  const control = (field: number): number => {
    const id = trainer.get(field)!
    return types[id] === PIECE_TYPE.control ? id : -1
  }
  return {
    tokens,
    scores,
    types,
    bosId: control(41),
    eosId: control(42),
    padId: control(43),
    addSpace: normalizer.get(3) !== 0,
    spaceIsSuffix: trainer.get(24) !== 0,
  }
}

function message(value: number | Uint8Array, fail: Fail): Uint8Array {
  if (typeof value === 'number') throw fail('a number where a message was expected')
  return value
}

function readPiece(
  bytes: Uint8Array,
  fail: Fail,
  id: number,
): { readonly text: string; readonly score: number; readonly type: number } {
  let [text, score, type]: [string, number, number] = ['', 0, PIECE_TYPE.normal]
  for (const { number, value } of protobufFields(bytes, fail)) {
    if (number === 1 && typeof value !== 'number') text = decode(value, () => fail(`piece ${id} is no text`))
    else if (number === 2 && typeof value !== 'number' && value.length === 4) {
      score = new DataView(value.buffer, value.byteOffset, 4).getFloat32(0, true)
    } else if (number === 3 && typeof value === 'number') type = value
  }
  if (text === '') throw fail(`piece ${id} is empty`)
  if (Number.isNaN(score)) throw fail(`the score of piece ${id} is not a number`)
  if (!TYPES.has(type)) throw fail(`piece ${id} is of the unknown type ${type}`)
  return { text, score, type }
}

function decode(bytes: Uint8Array, error: () => Error): string {
  try {
    return TEXT.decode(bytes)
  } catch {
    throw error()
  }
}

/** Fills in those fields of a message that `into` has already. */
function numbers(bytes: Uint8Array, into: Map<number, number>, fail: Fail): void {
  for (const { number, value } of protobufFields(bytes, fail)) {
    if (into.has(number) && typeof value === 'number') into.set(number, value)
  }
}
