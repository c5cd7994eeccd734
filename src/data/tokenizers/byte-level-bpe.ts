import { UnsupportedError } from '../../util/errors.ts'
import { PIECE_TYPE } from './piece-model.ts'
import { PieceTokenizer, type SpecialSetup } from './piece-tokenizer.ts'
import { parseTokenizerJson } from './tokenizer-json.ts'

/** V tokens of a byte-level BPE in GPT-2's alphabet. GGUF files of the kind `gpt2` hold the same arrays. */
export interface ByteLevelVocabulary {
  readonly tokens: readonly string[]
  /** Pairs that may be joined, `Ġ t`, the first to be joined first. */
  readonly merges: readonly string[]
  /** See PIECE_TYPE. Default: all ordinary. */
  readonly types?: ArrayLike<number> | undefined
  /** How text is cut before anything is joined, under the names of `tokenizer.ggml.pre`: `llama-bpe`, `gpt-2`, `qwen2`. */
  readonly pre: string
}

const ENGLISH = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const rest = (digits: string): string =>
  `|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`

/** Fields of tokenizer.json. */
const PRE_TOKENIZERS: Readonly<
  Record<string, { readonly pattern?: string; readonly whole?: boolean; readonly nfc?: boolean }>
> = {
  'gpt-2': {},
  /** Pieces of the cut text that are tokens are not joined from their characters. */
  'llama-bpe': { pattern: ENGLISH + rest('\\p{N}{1,3}'), whole: true },
  qwen2: { pattern: ENGLISH + rest('\\p{N}'), nfc: true },
}

/**
 * A tokenizer from such arrays, by way of the tokenizer.json that says the same.
 * @throws UnsupportedError for another way of cutting text.
 */
export async function byteLevelBpe(
  { tokens, merges, types, pre }: ByteLevelVocabulary,
  setup: Omit<SpecialSetup, 'tokens'> = {},
): Promise<PieceTokenizer> {
  const cut = Object.hasOwn(PRE_TOKENIZERS, pre) ? PRE_TOKENIZERS[pre] : undefined
  if (!cut) {
    throw new UnsupportedError(`a byte-level tokenizer that cuts text as ${JSON.stringify(pre)}`, {
      hint: `weft knows ${Object.keys(PRE_TOKENIZERS).join(', ')}; give the model's tokenizer.json instead`,
    })
  }
  const all = tokens.map((content, id) => ({ content, id, type: types?.[id] ?? PIECE_TYPE.normal }))
  const ordinary = all.filter(({ type }) => type === PIECE_TYPE.normal)
  const added = all.filter(({ type }) => type === PIECE_TYPE.control || type === PIECE_TYPE.userDefined)
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: !cut.pattern }
  const split = { type: 'Split', pattern: { Regex: cut.pattern }, behavior: 'Isolated', invert: false }
  const json = {
    added_tokens: added.map(({ content, id, type }) => ({ content, id, special: type === PIECE_TYPE.control })),
    normalizer: cut.nfc ? { type: 'NFC' } : null,
    pre_tokenizer: cut.pattern ? { type: 'Sequence', pretokenizers: [split, byteLevel] } : byteLevel,
    decoder: { type: 'ByteLevel' },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(ordinary.map(({ content, id }) => [content, id])),
      merges,
      ignore_merges: cut.whole ?? false,
    },
  }
  const { model, setup: found } = await parseTokenizerJson(json, 'a byte-level vocabulary')
  return new PieceTokenizer(model, { ...setup, tokens: found.tokens })
}
