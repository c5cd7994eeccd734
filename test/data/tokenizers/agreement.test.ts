import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { byteLevelBpe } from '../../../src/data/tokenizers/byte-level-bpe.ts'
import { openTokenizer } from '../../../src/data/tokenizers/open-tokenizer.ts'
import type { PieceTokenizer } from '../../../src/data/tokenizers/piece-tokenizer.ts'
import { sentencePieceBpe } from '../../../src/data/tokenizers/sentencepiece-bpe.ts'
import { parseTokenizerJson } from '../../../src/data/tokenizers/tokenizer-json.ts'
import { UnsupportedError } from '../../../src/util/errors.ts'
import { BYTE_LEVEL, llamaJson, metaspaceJson, modelProto, NO_BYTES, SMALL } from './small-vocabulary.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-tokenizers-'))
afterAll(() => rmSync(folder, { recursive: true }))

const PARTS = [
  'a',
  'b',
  'c',
  ' the',
  'the',
  ' ',
  '  ',
  'é',
  '€',
  '\u{1f600}',
  '\n',
  '\0',
  '<s>',
  '<0x41>',
  '<unk>',
  '\t',
]
const text = (...more: string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof(fc.constantFrom(...PARTS, ...more), fc.string({ unit: 'binary' })), { maxLength: 10 })
    // U+2581 is a space to these vocabularies.
    .map((parts) => parts.join('').replace(/\p{Surrogate}|\u2581/gu, '\ufffd'))

/** The pieces of a stream, joined; none is half a character. */
function streamed(tokenizer: PieceTokenizer, ids: readonly number[], options = {}): string {
  const stream = tokenizer.stream(options)
  const pieces = [...ids.map((id) => stream.push(id)), stream.end()]
  for (const piece of pieces) expect(piece).not.toMatch(/\p{Surrogate}/u)
  return pieces.join('')
}

let arrays: PieceTokenizer
let model: PieceTokenizer
let json: PieceTokenizer
let first: PieceTokenizer
let bytes: PieceTokenizer
beforeAll(async () => {
  arrays = sentencePieceBpe(SMALL, { bosId: 1, eosId: 2, addsBos: true })
  writeFileSync(join(folder, 'tokenizer.model'), modelProto(SMALL))
  model = await openTokenizer(join(folder, 'tokenizer.model'))
  json = await parseTokenizerJson(llamaJson(), 'llama.json')
  first = await parseTokenizerJson(metaspaceJson(), 'metaspace.json')
  bytes = await byteLevelBpe({ ...BYTE_LEVEL, pre: 'gpt-2' }, { bosId: 262 })
})

describe('one vocabulary as arrays, tokenizer.model and tokenizer.json', () => {
  it('gives the same ids', () => {
    const property = fc.property(text('<tool>'), (value) => {
      const ids = arrays.encode(value)
      expect(model.encode(value)).toEqual(ids)
      // Hugging Face cuts the text at added tokens and puts a space after each, SentencePiece does not.
      if (!value.includes('<tool>')) expect(json.encode(value)).toEqual(ids)
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('gives back the text, at once and as a stream', () => {
    const property = fc.property(text('<tool>'), (value) => {
      for (const tokenizer of [arrays, model]) {
        expect(tokenizer.decode(tokenizer.encode(value))).toBe(value)
        expect(streamed(tokenizer, tokenizer.encode(value, { bos: true }))).toBe(value)
      }
    })
    fc.assert(property, { numRuns: 200 })
    const plain = fc.property(text(), (value) => {
      expect(json.decode(json.encode(value))).toBe(value)
      // It puts no second space before a text that begins with one.
      expect(first.decode(first.encode(value))).toBe(value.replace(/^ /, ''))
      expect(bytes.decode(bytes.encode(value))).toBe(value)
    })
    fc.assert(plain, { numRuns: 200 })
  })

  it('decodes any ids alike, at once and as a stream', () => {
    const property = fc.property(fc.array(fc.nat(SMALL.tokens.length - 1)), fc.boolean(), (ids, special) => {
      const whole = arrays.decode(ids, { special })
      expect(model.decode(ids, { special })).toBe(whole)
      for (const tokenizer of [arrays, json, first]) {
        expect(streamed(tokenizer, ids, { special })).toBe(tokenizer.decode(ids, { special }))
      }
      const low = ids.map((id) => id % bytes.vocabSize)
      expect(streamed(bytes, low, { special })).toBe(bytes.decode(low, { special }))
    })
    fc.assert(property, { numRuns: 200 })
  })

  it('knows its special tokens, and makes them of text only where asked', () => {
    for (const tokenizer of [arrays, model, json]) {
      expect(tokenizer).toMatchObject({ vocabSize: SMALL.tokens.length, bosId: 1, addsBos: true, padId: undefined })
      expect([tokenizer.specialId('</s>'), tokenizer.specialId('a')]).toEqual([2, undefined])
      expect(tokenizer.tokenName(3)).toBe('<0x00>')
      expect(tokenizer.encode('the</s>the').filter((id) => id < 3)).toEqual([])
      const the = tokenizer.encode('the')
      const ids = tokenizer.encode('the</s>the', { bos: true, special: true })
      expect(ids).toEqual([1, ...the, 2, ...the])
      expect(tokenizer.decode(ids)).toBe('thethe')
      expect(tokenizer.decode(ids, { special: true })).toBe('<s>the</s>the')
    }
    expect([arrays.eosId, model.eosId, json.eosId]).toEqual([2, 2, undefined])
  })

  it('puts a space before the first stretch of text alone, where the file says so', () => {
    const [the, t, he] = ['▁the', 't', 'he'].map((name) => SMALL.tokens.indexOf(name))
    const ids = [the!, 2, t!, he!]
    expect(first.encode('the</s>the', { special: true })).toEqual(ids)
    expect(first.decode(ids, { special: true })).toBe('the</s>the')
    expect(first.encode('</s>the', { special: true })).toEqual([2, t, he])
  })
})

it('a vocabulary without bytes gives one unknown token for a run of what it lacks, as SentencePiece does', async () => {
  writeFileSync(join(folder, 'unknown.model'), modelProto(NO_BYTES, false))
  const [ours, theirs] = [sentencePieceBpe(NO_BYTES), await openTokenizer(join(folder, 'unknown.model'))]
  const property = fc.property(text(), (value) => {
    expect(ours.encode(value)).toEqual(theirs.encode(value))
  })
  fc.assert(property, { numRuns: 200 })
  expect(ours.encode('aΩΩb').filter((id) => id === 0)).toHaveLength(1)
})

describe('byte-level BPE', () => {
  it('joins pairs in their order, within words', () => {
    const id = (name: string) => BYTE_LEVEL.tokens.indexOf(name)
    expect(bytes.encode('a the')).toEqual([id('a'), id('Ġthe')])
    expect(bytes.encode('thé')).toEqual([id('t'), id('h'), id('Ã©')])
    expect(bytes.encode('<|end|>', { special: true, bos: true })).toEqual([262, 263])
    expect(bytes.tokenName(258)).toBe('Ġthe')
  })

  it('knows some ways of cutting text, and says so of others', async () => {
    const digits = async (pre: string) => (await byteLevelBpe({ ...BYTE_LEVEL, pre })).encode('12345 the')
    expect(await digits('llama-bpe')).toEqual(await digits('qwen2'))
    await expect(digits('falcon')).rejects.toThrow(UnsupportedError)
    await expect(digits('falcon')).rejects.toThrow('gpt-2, llama-bpe, qwen2')
  })
})
