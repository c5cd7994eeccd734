import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeByScore } from '../../src/data/bpe-merge.ts'
import { parseLlama2cTokenizer, readLlama2cTokenizer } from '../../src/data/llama2c-tokenizer.ts'
import { FileError, ValueError } from '../../src/util/errors.ts'
import { tokenizerBytes } from './llama2c-bytes.ts'

const PIECES = [' a', 'bc', ' ab', 'cc', 'é', 'aé', ' ', 'a', 'b', 'c']
const tokenizer = parseLlama2cTokenizer(tokenizerBytes(PIECES), 'small')
const id = (piece: string) => 259 + PIECES.indexOf(piece)
const byte = (value: number) => 3 + value

describe('mergeByScore', () => {
  /** The definition: look at every pair, join the best, start again. */
  function slowly(symbols: readonly string[], scoreOf: (text: string) => number | undefined): string[] {
    const texts = [...symbols]
    for (;;) {
      let best: { at: number; score: number } | undefined
      for (let at = 0; at + 1 < texts.length; at++) {
        const score = scoreOf(texts[at]! + texts[at + 1]!)
        if (score !== undefined && score > (best?.score ?? Number.NEGATIVE_INFINITY)) best = { at, score }
      }
      if (!best) return texts
      texts.splice(best.at, 2, texts[best.at]! + texts[best.at + 1]!)
    }
  }

  it('joins as its definition does, ties included', () => {
    const letter = fc.constantFrom('a', 'b', 'c')
    const vocabulary = fc.dictionary(fc.string({ unit: letter, minLength: 2, maxLength: 5 }), fc.nat(3), {
      maxKeys: 25,
    })
    const property = fc.property(fc.array(letter, { maxLength: 30 }), vocabulary, (symbols, scores) => {
      const scoreOf = (text: string) => (Object.hasOwn(scores, text) ? scores[text] : undefined)
      expect(mergeByScore(symbols, scoreOf)).toEqual(slowly(symbols, scoreOf))
    })
    fc.assert(property, { numRuns: 500 })
  })

  it('stays fast on long texts', () => {
    const symbols = Array.from({ length: 100_000 }, () => 'a')
    expect(mergeByScore(symbols, (text) => (text.length <= 8 ? -text.length : undefined))).toHaveLength(12_500)
  })
})

describe('encode', () => {
  it('puts BOS and a space before the text', () => {
    expect(tokenizer.encode('a', { bos: true })).toEqual([1, id(' a')])
    expect(tokenizer.encode('a')).toEqual([id(' a')])
    expect(tokenizer.encode('', { bos: true })).toEqual([1])
    expect(tokenizer.encode(' ')).toEqual([id(' '), id(' ')])
  })

  it('merges the best score first, not the leftmost or longest', () => {
    expect(tokenizer.encode('abc')).toEqual([id(' a'), id('bc')]) // ' ab' scores less than 'bc'
    expect(tokenizer.encode('ab')).toEqual([id(' ab')])
    expect(tokenizer.encode('bccc')).toEqual([id(' '), id('bc'), id('cc')])
  })

  it('falls back to the bytes of a character it lacks', () => {
    expect(tokenizer.encode('a€')).toEqual([id(' a'), byte(0xe2), byte(0x82), byte(0xac)])
    expect(tokenizer.encode('\n')).toEqual([id(' '), byte(0x0a)])
    expect(tokenizer.encode('\ud800')).toEqual([id(' '), byte(0xef), byte(0xbf), byte(0xbd)])
  })

  it('never makes control or byte tokens of text that spells them', () => {
    const spelt = parseLlama2cTokenizer(tokenizerBytes(['<s', '\n<s', '>\n', '<0', 'x0', 'A>', '<0x0']), 'spelt')
    for (const text of ['\n<s>\n', '<0x0A>', '<unk>']) {
      const ids = spelt.encode(text)
      expect(ids.filter((i) => i < 3)).toEqual([])
      expect(ids).not.toContain(byte(0x0a))
      expect(spelt.decode(ids)).toBe(text)
    }
  })
})

describe('decode', () => {
  it('takes one space from the beginning, after BOS as well, and no other', () => {
    expect(tokenizer.decode([1, id(' a'), id(' a')])).toBe('a a')
    expect(tokenizer.decode([id(' a'), id(' a')])).toBe('a a')
    expect(tokenizer.decode([id('a'), id(' a')])).toBe('a a')
    expect(tokenizer.decode([1, id(' '), id(' '), 2])).toBe(' ')
    expect(tokenizer.decode([1, byte(0x20), id('a')])).toBe('a')
  })

  it('holds bytes back until they are a character', () => {
    const stream = tokenizer.stream()
    const pushed = [1, ...[0xf0, 0x9f, 0x98, 0x80].map(byte), id('a'), byte(0xe2)].map((token) => stream.push(token))
    expect([...pushed, stream.end()]).toEqual(['', '', '', '', '\u{1f600}', 'a', '', '\ufffd'])
  })

  it('gives a broken character as U+FFFD and goes on', () => {
    expect(tokenizer.decode([byte(0xe2), id('a'), byte(0xff)])).toBe('\ufffda\ufffd')
  })

  it('keeps a byte order mark, which is text', () => {
    expect(tokenizer.decode(tokenizer.encode('\ufeffa'))).toBe('\ufeffa')
  })

  it('refuses an id outside the vocabulary', () => {
    for (const wrong of [-1, 1.5, tokenizer.vocabSize]) expect(() => tokenizer.decode([wrong])).toThrow(ValueError)
  })

  it('gives back any text that was encoded', () => {
    const text = fc.string({
      unit: fc.oneof(fc.constantFrom('a', 'b', 'c', ' ', 'é', '\n', '\0'), fc.string({ unit: 'binary' })),
    })
    const wellFormed = text.map((value) => Buffer.from(value).toString())
    fc.assert(fc.property(wellFormed, (value) => tokenizer.decode(tokenizer.encode(value)) === value))
  })
})

describe('a file that is no tokenizer', () => {
  const good = tokenizerBytes(PIECES)
  const refuses = (bytes: Uint8Array, message: RegExp) => {
    expect(() => parseLlama2cTokenizer(bytes, 'tok.bin')).toThrow(FileError)
    expect(() => parseLlama2cTokenizer(bytes, 'tok.bin')).toThrow(message)
  }
  const patched = (at: number, value: number) => {
    const bytes = good.slice()
    new DataView(bytes.buffer).setInt32(at, value, true)
    return bytes
  }

  it('is refused, with the token at fault', () => {
    refuses(good.subarray(0, 3), /tok.bin: not a llama2.c tokenizer: only 3 bytes/)
    refuses(good.subarray(0, good.length - 1), /token 268 of 1 bytes runs past the end/)
    refuses(good.subarray(0, good.length - 2), /ends within token 268/)
    refuses(patched(8, -1), /token 0 of -1 bytes/)
    refuses(patched(8, 2 ** 31 - 1), /token 0 of 2147483647 bytes/)
    refuses(patched(4, 0x7fc00000), /score of token 0/)
    refuses(patched(0, 5), /has 6 bytes, the header says 5/)
    refuses(good.subarray(0, 17), /token 3 is not <0x00>/)
  })

  it('is refused when its size is not the checkpoint’s', () => {
    expect(() => parseLlama2cTokenizer(good, 'tok.bin', 512)).toThrow(/has 269 tokens, the checkpoint 512/)
  })

  it('meets any bytes with a FileError or a tokenizer', () => {
    const edit = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) })
    const property = fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      const bytes = good.slice()
      for (const { at, byte: value } of edits) bytes[at] = value
      try {
        expect(parseLlama2cTokenizer(bytes, 'x').encode('abc').length).toBeGreaterThan(0)
      } catch (error) {
        expect(error).toBeInstanceOf(FileError)
      }
    })
    fc.assert(property, { numRuns: 500 })
  })
})

const TOK512 = new URL('../../../shared/weights/tok512.bin', import.meta.url).pathname
describe.runIf(existsSync(TOK512))('the TinyStories tokenizer', () => {
  it('has 512 tokens and gives back hard texts', async () => {
    const stories = await readLlama2cTokenizer(TOK512, 512)
    for (const text of [
      'Once upon a time',
      '  two  spaces ',
      'naïve 日本語 \u{1f600}',
      'tab\tnewline\n',
      '<0x41><s>',
    ]) {
      expect(stories.decode(stories.encode(text))).toBe(text)
    }
    expect(stories.encode('Once upon a time', { bos: true })).toEqual([1, 403, 407, 261, 378])
  })
})
