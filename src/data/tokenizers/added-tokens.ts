import { ValueError } from '../../util/errors.ts'
import { IMAGE_TOKEN } from '../template.ts'
import type { ChatTokenizer } from '../tokenizer.ts'
import { PieceTokenizer, type SpecialSetup } from './piece-tokenizer.ts'

/**
 * The tokenizer with more special tokens. One whose name is in the vocabulary keeps its id, and is special from then
 * on; the others follow the vocabulary in the order given, as in Hugging Face's `add_tokens(..., special_tokens=True)`.
 */
export const withAddedTokens = (tokenizer: PieceTokenizer, names: readonly string[]): PieceTokenizer =>
  new PieceTokenizer(tokenizer.model, addTokens(tokenizer, names))

function addTokens(tokenizer: PieceTokenizer, names: readonly string[]): SpecialSetup {
  const tokens = [...tokenizer.setup.tokens]
  let next = tokenizer.vocabSize
  for (const name of new Set(names)) {
    if (name === '') throw new ValueError('an added token without a name')
    if (tokenizer.specialId(name) === undefined) tokens.push({ id: tokenizer.model.idOf(name) ?? next++, name })
  }
  return { ...tokenizer.setup, tokens }
}

/** Begins each image's heading in the released data; a conversation holds numbered headings in its place. */
const IMAGE_HEADING = '### Image:'
const PADDING = '<PAD>'

/** A tokenizer with the tokens of DeepSpeed-VisualChat. */
class VisualChatTokenizer extends PieceTokenizer implements ChatTokenizer {
  override readonly bosId: number
  override readonly eosId: number
  override readonly padId: number
  readonly imageId: number

  constructor(tokenizer: PieceTokenizer) {
    const { bosId, eosId, padId } = tokenizer
    if (bosId === undefined || eosId === undefined) {
      throw new ValueError(`the tokenizer has no ${bosId === undefined ? 'BOS' : 'EOS'}, which every turn needs`, {
        hint: 'its folder lacks tokenizer_config.json or special_tokens_map.json, or they do not name the token',
      })
    }
    const names = [IMAGE_HEADING, IMAGE_TOKEN, ...(padId === undefined ? [PADDING] : [])]
    const setup = addTokens(tokenizer, names)
    const tokens = setup.tokens.map((t) => (t.name === IMAGE_TOKEN ? { ...t, standsForText: true } : t))
    super(tokenizer.model, { ...setup, tokens, padId: eosId })
    this.bosId = bosId
    this.eosId = eosId
    this.padId = eosId
    this.imageId = tokens.find((t) => t.name === IMAGE_TOKEN)!.id
  }
}

/**
 * A language model's tokenizer with what DeepSpeed-VisualChat adds, in its order: `### Image:`, `<image>`, and `<PAD>`
 * where there was no padding token. Padding is then EOS, so `<PAD>` is never used, but counts: LLaMA-2's vocabulary
 * grows from 32000 to 32003. @throws ValueError for a tokenizer without BOS or EOS.
 * Source: DeepSpeed-VisualChat, utils/data/DST.py (add_special_token) and utils/model/modeling_dsvl.py.
 */
export const visualChatTokens = (tokenizer: PieceTokenizer): PieceTokenizer & ChatTokenizer =>
  new VisualChatTokenizer(tokenizer)
