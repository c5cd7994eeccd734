import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { dialogueSource } from '../../src/data/dialogue.ts'
import { readConcepts } from '../../src/data/emoji-concepts.ts'
import { makeSplits } from '../../src/data/splits.ts'
import { instructionSegments, SYSTEM_TEXT } from '../../src/data/template.ts'
import { loadTokenizer, saveTokenizer } from '../../src/data/tokenizer-file.ts'
import { fromBytes, toBytes } from '../../src/data/utf8.ts'
import { buildVocabulary, emojiTokenizer, TEMPLATE_PIECES } from '../../src/data/vocabulary.ts'
import { WordTokenizer } from '../../src/data/word-tokenizer.ts'
import { FileError, ValueError } from '../../src/util/errors.ts'

const { concepts } = readConcepts()
const tokenizer = emojiTokenizer(concepts)

/** Any UTF-16 at all, halves of surrogate pairs included, mixed with what the vocabulary has and special names. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)),
      fc.constantFrom(
        '<image>',
        '<pad>',
        '<eos>',
        ' image',
        'what is',
        '### Image 2:\n',
        '\n\n',
        '\n',
        ' ',
        'fox',
        '🦊',
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))

describe('WordTokenizer', () => {
  it('gives back any string from its ids', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  it('makes no special token out of text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(Math.min(4, ...tokenizer.encode(text))).toBe(4)
      }),
    )
    expect(tokenizer.encode('<image>')).not.toContain(tokenizer.imageId)
  })

  it('takes the longest piece at each place', () => {
    const small = new WordTokenizer(['a', 'ab', 'abc', ' ab'])
    const ids = (pieces: string[]) => pieces.map((p) => 260 + small.pieces.indexOf(p))
    expect(small.encode('abcab')).toEqual(ids(['abc', 'ab']))
    expect(small.encode('ab ab')).toEqual(ids(['ab', ' ab']))
    expect(small.encode('é')).toEqual([4 + 0xc3, 4 + 0xa9])
  })

  it('writes every dialogue without a byte, and the template in single tokens', () => {
    const source = dialogueSource(makeSplits(concepts).train, () => true)
    for (let i = 0; i < 500; i++) {
      for (const { question, answer } of source.at(i).turns) {
        expect(Math.min(...tokenizer.encode(question), ...tokenizer.encode(answer))).toBeGreaterThanOrEqual(260)
      }
    }
    const segments = instructionSegments({ first: true, imagesBefore: 0, images: 2, question: '' })
    const names = segments.flatMap((s) =>
      'text' in s ? tokenizer.encode(s.text).map((id) => tokenizer.tokenName(id)) : [],
    )
    expect(names).toEqual([
      `${SYSTEM_TEXT}\n\n`,
      '### Image 1:\n',
      '\n',
      '### Image 2:\n',
      '\n',
      '\n### Question:\n',
      '\n\n### Answer:\n',
    ])
  })

  it('decodes special tokens to nothing but <image>, and refuses ids it does not have', () => {
    const { padId, bosId, eosId, imageId } = tokenizer
    const fox = tokenizer.encode('fox')
    expect(tokenizer.decode([bosId, ...fox, imageId, eosId, padId])).toBe('fox<image>')
    for (const id of [-1, 1.5, tokenizer.vocabSize]) expect(() => tokenizer.decode([id])).toThrow(ValueError)
  })

  it('has the same ids whichever concepts are held out, and for the same corpus', () => {
    expect(emojiTokenizer(concepts).pieces).toEqual(tokenizer.pieces)
    expect(buildVocabulary(['a b', 'b a'], TEMPLATE_PIECES).pieces).toEqual([...TEMPLATE_PIECES, 'a', ' b', 'b', ' a'])
  })

  it('refuses pieces that would make decoding ambiguous', () => {
    for (const pieces of [[''], ['a', 'a'], ['\ud83e']]) expect(() => new WordTokenizer(pieces)).toThrow(ValueError)
  })
})

describe('tokenizer files', () => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-tokenizer-'))
  afterAll(() => rmSync(dir, { recursive: true }))

  it('come back as they were saved', () => {
    saveTokenizer(tokenizer, join(dir, 'tokenizer.json'))
    expect(loadTokenizer(join(dir, 'tokenizer.json')).pieces).toEqual(tokenizer.pieces)
  })

  it('are refused when missing or not such files', () => {
    expect(() => loadTokenizer(join(dir, 'none.json'))).toThrow(FileError)
    expect(() => saveTokenizer(tokenizer, join(dir, 'no', 'folder.json'))).toThrow(FileError)
    for (const text of ['{', 'null', '{"format":"x","pieces":[]}', '{"format":"weft-word-tokenizer-1","pieces":[1]}']) {
      writeFileSync(join(dir, 'bad.json'), text)
      expect(() => loadTokenizer(join(dir, 'bad.json')), text).toThrow(FileError)
    }
  })
})

describe('utf8', () => {
  it('agrees with TextEncoder and TextDecoder on well-formed text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(toBytes(text)).toEqual([...new TextEncoder().encode(text)])
        expect(fromBytes(toBytes(text))).toBe(text)
      }),
    )
  })

  it('reads any bytes at all, each malformed one as U+FFFD', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const text = fromBytes([...bytes])
        if (!text.includes('\ufffd')) expect(toBytes(text)).toEqual([...bytes])
      }),
    )
    expect(fromBytes([0x41, 0xff, 0x42, 0xc3])).toBe('A\ufffdB\ufffd')
    expect(fromBytes([0xc0, 0x80]), 'an overlong form').toBe('\ufffd\ufffd')
  })
})
