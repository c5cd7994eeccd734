import type { Tokenizer as Library } from '@huggingface/tokenizers'
import { FileError, UnsupportedError, ValueError, WeftError } from '../../util/errors.ts'
import { field, isList, isObject, type Json, listOf } from '../../util/json.ts'
import { type Decoding, decodingOf } from './decoding.ts'
import { applySettings, type TokenizerSettings } from './hugging-face-settings.ts'
import { type PieceModel, wellFormed } from './piece-model.ts'
import { PieceTokenizer } from './piece-tokenizer.ts'
import type { SpecialToken } from './special-tokens.ts'

/** No vocabulary comes near; bounds what a hostile file makes us allocate. */
const MAX_ID = 1 << 24

/**
 * The tokenizer that Hugging Face's tokenizer.json describes, of the kind BPE: byte-level, as GPT-2's and LLaMA-3's, or
 * with spaces spelt U+2581, as LLaMA-2's. Encoding is done by `@huggingface/tokenizers`, special tokens and decoding
 * here. BOS is the token that its template puts first, unless the settings name another.
 * @param source what to call the file in messages.
 * @throws FileError for what is no such file, UnsupportedError for other kinds (WordPiece, Unigram).
 */
export async function parseTokenizerJson(
  content: unknown,
  source: string,
  settings: TokenizerSettings = {},
): Promise<PieceTokenizer> {
  const fail = (what: string): FileError =>
    new FileError(`${source}: not a tokenizer.json: ${what}`, {
      hint: 'it is the file of that name which holds the vocabulary, not another JSON file beside the model',
    })
  const json = checked(content, fail)
  const added = addedTokens(json, fail)
  const decoding = decodingOf(json)
  try {
    // What is special is cut out before the library sees the text: it would look for it always.
    const plain = { ...json, added_tokens: listOf(json['added_tokens']).filter((t) => field(t, 'special') !== true) }
    const { Tokenizer } = await import('@huggingface/tokenizers')
    const whole = new Tokenizer(plain, {})
    const inner = startsTexts(json) ? new Tokenizer(withoutPrefix(plain), {}) : whole
    const model = new LibraryModel(whole, inner, decoding)
    const bos = templateStart(json)
    const tokens = added.filter((token) => !token.always)
    const bosId = tokens.find(({ name }) => name === bos)?.id
    return applySettings(new PieceTokenizer(model, { tokens, bosId, addsBos: bosId !== undefined }), settings, source)
  } catch (cause) {
    if (cause instanceof WeftError) throw cause
    throw fail(cause instanceof Error ? cause.message : String(cause))
  }
}

class LibraryModel implements PieceModel {
  readonly vocabSize: number
  readonly addedSpace: PieceModel['addedSpace']
  readonly #first: Library
  /** Encodes what does not stand at the text's beginning. */
  readonly #later: Library
  readonly #names: readonly (string | undefined)[]
  readonly #bytesOf: Decoding['bytesOf']

  constructor(first: Library, later: Library, { bytesOf, addedSpace }: Decoding) {
    const names: (string | undefined)[] = []
    for (const [name, id] of first.get_vocab()) if (name !== undefined) names[id] = name
    this.#names = names
    this.vocabSize = names.length
    this.addedSpace = addedSpace
    this.#first = first
    this.#later = later
    this.#bytesOf = bytesOf
  }

  encode(text: string, first: boolean): readonly number[] {
    const { ids } = (first ? this.#first : this.#later).encode(wellFormed(text), { add_special_tokens: false })
    // The library's type does not say so, but a character that the vocabulary lacks may be undefined here.
    if (ids.some((id: number | undefined) => id === undefined)) {
      throw new ValueError('the vocabulary lacks a character of the text, and has no unknown token', {
        hint: 'is this the tokenizer of the model?',
      })
    }
    return ids
  }

  bytes(id: number): Iterable<number> {
    const name = this.#names[id]
    return name === undefined ? [] : this.#bytesOf(name)
  }

  name(id: number): string {
    return this.#names[id] ?? ''
  }

  idOf(name: string): number | undefined {
    return this.#first.token_to_id(name)
  }
}

function checked(content: unknown, fail: (what: string) => FileError): Json {
  if (!isObject(content)) throw fail('it is no object')
  const { model } = content
  if (!isObject(model)) throw fail('it has no model')
  const { type = 'BPE', vocab, merges } = model
  if (type !== 'BPE') {
    throw new UnsupportedError(`a tokenizer.json of the kind ${String(type)}`, {
      hint: 'weft reads the kind BPE, which language models use; SentencePiece models also as tokenizer.model',
    })
  }
  if (!isObject(vocab)) throw fail('model.vocab is no object')
  for (const [name, id] of Object.entries(vocab)) if (!isId(id)) throw fail(`the id of ${JSON.stringify(name)}`)
  if (!isList(merges) || !merges.every(isMerge)) throw fail('model.merges are no pairs of pieces')
  const decoderless = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null }
  return { ...decoderless, ...content, model: { ...model, type: 'BPE' } }
}

const isId = (id: unknown): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < MAX_ID

const isMerge = (merge: unknown): boolean =>
  typeof merge === 'string' || (isList(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string'))

function addedTokens({ added_tokens }: Json, fail: (what: string) => FileError): SpecialToken[] {
  return listOf(added_tokens).map((token) => {
    const [id, name] = [field(token, 'id'), field(token, 'content')]
    if (!isId(id) || typeof name !== 'string') throw fail('an added token without id or content')
    return {
      id,
      name,
      always: field(token, 'special') !== true,
      stripLeft: field(token, 'lstrip') === true,
      stripRight: field(token, 'rstrip') === true,
      singleWord: field(token, 'single_word') === true,
    }
  })
}

/** The special token that the template puts before a text. */
function templateStart({ post_processor }: Json): unknown {
  const steps = field(post_processor, 'type') === 'Sequence' ? field(post_processor, 'processors') : [post_processor]
  const template = listOf(steps).find((step) => field(step, 'type') === 'TemplateProcessing')
  return field(field(listOf(field(template, 'single'))[0], 'SpecialToken'), 'id')
}

/** Whether the pre-tokenizer does something at the beginning of a text only. */
const startsTexts = ({ pre_tokenizer }: Json): boolean =>
  JSON.stringify(pre_tokenizer).includes('"prepend_scheme":"first"')

const withoutPrefix = (json: Json): Json => ({
  ...json,
  pre_tokenizer: JSON.parse(
    JSON.stringify(json['pre_tokenizer']).replaceAll('"prepend_scheme":"first"', '"prepend_scheme":"never"'),
  ),
})
