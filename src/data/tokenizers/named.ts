import { byteLevelBpe } from './byte-level-bpe.ts'
import { byteName, PIECE_TYPE } from './piece-model.ts'
import type { PieceTokenizer } from './piece-tokenizer.ts'
import { sentencePieceBpe } from './sentencepiece-bpe.ts'

/** Vocabularies that come with weft, in packages that are loaded when they are asked for. */
export const NAMED_TOKENIZERS: Readonly<Record<string, () => Promise<PieceTokenizer>>> = {
  'llama-2': llama2,
  'llama-3': llama3,
}

/** LLaMA-2's 32000 pieces. The package has pairs in the order of joining, which is that of the joined pieces' scores. */
async function llama2(): Promise<PieceTokenizer> {
  const { default: library } = await import('llama-tokenizer-js')
  const tokens = library.vocabById
  const firstPiece = tokens.indexOf(byteName(255)) + 1
  const { unknown, control, byte, normal } = PIECE_TYPE
  const types = tokens.map((_, id) => (id === 0 ? unknown : id < 3 ? control : id < firstPiece ? byte : normal))
  const order = new Map<string, number>()
  for (const pair of library.merges.keys()) {
    const piece = pair.replace(' ', '')
    if (!order.has(piece)) order.set(piece, order.size)
  }
  // A piece that no pair makes is one character.
  const scores = tokens.map((piece) => -(order.get(piece) ?? order.size))
  return sentencePieceBpe({ tokens, scores, types }, { bosId: 1, eosId: 2, addsBos: true })
}

/** LLaMA-3's 128256 tokens, the special ones under their names of LLaMA 3.1. A text ends with `<|end_of_text|>`. */
async function llama3(): Promise<PieceTokenizer> {
  const { default: library } = await import('llama3-tokenizer-js')
  const tokens = library.vocabById
  const bosId = tokens.indexOf('<|begin_of_text|>')
  const types = tokens.map((_, id) => (id < bosId ? PIECE_TYPE.normal : PIECE_TYPE.control))
  const merges = [...library.merges.keys()]
  const vocabulary = { tokens, merges, types, pre: 'llama-bpe' }
  return byteLevelBpe(vocabulary, { bosId, eosId: tokens.indexOf('<|end_of_text|>'), addsBos: true })
}
