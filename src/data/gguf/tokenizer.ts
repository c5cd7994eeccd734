import { FileError } from '../../util/errors.ts'
import type { Fields } from './fields.ts'

/** A vocabulary of V tokens as the file holds it. What is absent the file does not say. */
export interface GgufTokenizer {
  /** 'llama' (SentencePiece), 'gpt2' (byte-level BPE), ... */
  readonly model: string
  /** How text is split before the merges of a BPE: 'llama-bpe', ... */
  readonly pre: string | undefined
  /** [V] */
  readonly tokens: readonly string[]
  /** [V]: of SentencePiece, the higher the sooner a piece is merged. */
  readonly scores: readonly number[] | undefined
  /** [V]: 1 normal, 2 unknown, 3 control, 4 of the user, 5 unused, 6 a byte. */
  readonly types: readonly number[] | undefined
  /** Of BPE, two tokens with a space between; the first is merged first. */
  readonly merges: readonly string[] | undefined
  readonly bos: number | undefined
  readonly eos: number | undefined
  readonly unknown: number | undefined
  readonly pad: number | undefined
  readonly addBos: boolean | undefined
  readonly addEos: boolean | undefined
  readonly addSpacePrefix: boolean | undefined
  /** Jinja. */
  readonly chatTemplate: string | undefined
}

/**
 * Undefined where the file has none. An id outside of the vocabulary is none: converters write such for "no padding".
 * @throws FileError for lists of unequal length and values of the wrong kind.
 */
export function tokenizerOf(fields: Fields): GgufTokenizer | undefined {
  const key = (name: string): string => `tokenizer.ggml.${name}`
  const model = fields.text(key('model'))
  const tokens = fields.texts(key('tokens'))
  if (model === undefined || tokens === undefined) return undefined
  const perToken = (name: string): readonly number[] | undefined => {
    const values = fields.numbers(key(name))
    if (values === undefined || values.length === tokens.length) return values
    throw new FileError(`${fields.path}: ${values.length} ${key(name)} for ${tokens.length} tokens`)
  }
  const id = (name: string): number | undefined => {
    const value = fields.number(key(`${name}_token_id`))
    return value !== undefined && Object.hasOwn(tokens, value) ? value : undefined
  }
  return {
    model,
    pre: fields.text(key('pre')),
    tokens,
    scores: perToken('scores'),
    types: perToken('token_type'),
    merges: fields.texts(key('merges')),
    bos: id('bos'),
    eos: id('eos'),
    unknown: id('unknown'),
    pad: id('padding'),
    addBos: fields.flag(key('add_bos_token')),
    addEos: fields.flag(key('add_eos_token')),
    addSpacePrefix: fields.flag(key('add_space_prefix')),
    chatTemplate: fields.text('tokenizer.chat_template'),
  }
}
