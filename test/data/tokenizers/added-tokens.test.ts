import { describe, expect, it } from 'vitest'
import { toSequence } from '../../../src/data/sequence.ts'
import { visualChatTokens, withAddedTokens } from '../../../src/data/tokenizers/added-tokens.ts'
import { openTokenizer } from '../../../src/data/tokenizers/open-tokenizer.ts'
import { sentencePieceBpe } from '../../../src/data/tokenizers/sentencepiece-bpe.ts'
import { SpecialSplitter } from '../../../src/data/tokenizers/special-tokens.ts'
import { ValueError } from '../../../src/util/errors.ts'
import { SMALL } from './small-vocabulary.ts'

const small = sentencePieceBpe(SMALL, { bosId: 1, eosId: 2 })
const V = SMALL.tokens.length

describe('withAddedTokens', () => {
  it('gives new ids after the vocabulary, and old ones to what it has', () => {
    const more = withAddedTokens(small, ['<image>', '</s>', 'the-', 'bc', '<image>'])
    expect([more.vocabSize, small.vocabSize]).toEqual([V + 2, V])
    expect(['<image>', 'the-', '</s>', 'bc'].map((name) => more.specialId(name))).toEqual([
      V,
      V + 1,
      2,
      SMALL.tokens.indexOf('bc'),
    ])
  })

  it('cuts text at them, where special tokens are asked for', () => {
    const more = withAddedTokens(small, ['<image>', '<image>s'])
    const a = small.encode('a')
    expect(more.encode('a<image>a<image>s', { special: true })).toEqual([...a, V, ...a, V + 1])
    expect(more.encode('a<image>')).toEqual(small.encode('a<image>'))
    expect(more.decode([...a, V, ...a])).toBe('aa')
    expect(more.decode([...a, V, ...a], { special: true })).toBe('a<image>a')
    expect(more.tokenName(V)).toBe('<image>')
    expect(() => more.decode([V + 2])).toThrow(ValueError)
    expect(withAddedTokens(more, ['<more>']).specialId('<more>')).toBe(V + 2)
  })
})

describe('SpecialSplitter', () => {
  const split = (text: string, options: object) => {
    const parts = new SpecialSplitter([{ id: 7, name: '[x]', ...options }]).split(text, true)
    return parts.map((part) => (typeof part === 'string' ? part : part.id))
  }

  it('takes white space, or whole words only, as the token says', () => {
    expect(split('a [x] b', {})).toEqual(['a ', 7, ' b'])
    expect(split('a [x] [x] b', { stripLeft: true })).toEqual(['a', 7, 7, ' b'])
    expect(split('a [x] \n[x] b', { stripRight: true })).toEqual(['a ', 7, 7, 'b'])
    expect(split('a[x] [x]', { singleWord: true })).toEqual(['a[x] ', 7])
  })
})

describe('visualChatTokens', () => {
  it('adds to LLaMA-2 what the release adds, in its order', async () => {
    const chat = visualChatTokens(await openTokenizer('llama-2'))
    expect(['### Image:', '<image>', '<PAD>'].map((name) => chat.specialId(name))).toEqual([32000, 32001, 32002])
    expect(chat).toMatchObject({ vocabSize: 32003, imageId: 32001, bosId: 1, eosId: 2, padId: 2 })
    const text = 'Look:\n<image>\n'
    const ids = chat.encode(text, { special: true })
    expect(ids.filter((id) => id === chat.imageId)).toHaveLength(1)
    expect(chat.decode(ids)).toBe(text)
    const turns = [{ images: 2, question: 'what? <image>', answer: 'a fox' }]
    const sequence = toSequence({ turns }, chat, { imageTokens: 4 })
    expect(sequence.ids.filter((id) => id === chat.imageId)).toHaveLength(2)
    expect(sequence.ids.at(-1)).toBe(2)
  })

  it('adds no <PAD> where there is one, and needs BOS and EOS', () => {
    const padded = sentencePieceBpe(SMALL, { bosId: 1, eosId: 2, padId: 0 })
    expect(visualChatTokens(padded)).toMatchObject({ vocabSize: V + 2, padId: 2 })
    expect(() => visualChatTokens(sentencePieceBpe(SMALL, { bosId: 1 }))).toThrow('the tokenizer has no EOS')
  })
})
