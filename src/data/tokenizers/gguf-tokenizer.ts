import { UnsupportedError } from '../../util/errors.ts'
import type { GgufTokenizer } from '../gguf.ts'
import { byteLevelBpe } from './byte-level-bpe.ts'
import type { PieceTokenizer } from './piece-tokenizer.ts'
import { sentencePieceBpe } from './sentencepiece-bpe.ts'

/** Ways of cutting text whose models expect BOS where the file does not say. Source: llama.cpp's llama-vocab.cpp. */
const BEGIN_WITH_BOS: ReadonlySet<string> = new Set(['llama-bpe'])

/**
 * The tokenizer that a GGUF file carries.
 * @throws UnsupportedError for a kind other than `llama` (SentencePiece) and `gpt2` (byte-level BPE).
 */
export async function ggufTokenizer(held: GgufTokenizer, path: string): Promise<PieceTokenizer> {
  const { model, tokens, types, scores, merges, pre = 'gpt-2', bos, eos, pad, addSpacePrefix } = held
  const setup = { bosId: bos, eosId: eos, padId: pad }
  if (model === 'llama' && scores && types) {
    const addsBos = held.addBos ?? true
    return sentencePieceBpe({ tokens, scores, types }, { ...setup, addsBos, addSpace: addSpacePrefix ?? true })
  }
  if (model === 'gpt2' && merges) {
    return byteLevelBpe({ tokens, merges, types, pre }, { ...setup, addsBos: held.addBos ?? BEGIN_WITH_BOS.has(pre) })
  }
  throw new UnsupportedError(`${path}: its tokenizer is of the kind ${JSON.stringify(model)}, or incomplete`, {
    hint: 'weft reads "llama" with scores and types, and "gpt2" with merges; give another tokenizer',
  })
}
