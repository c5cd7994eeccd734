import { describe, expect, test } from 'vitest'
import { createChat } from '../../src/chat/session.ts'
import { concat, full, mul } from '../../src/ir/ops.ts'
import { ShapeError, UnsupportedError, ValueError } from '../../src/util/errors.ts'
import { config, endingWith, image, params, tinyChat, tokenizer } from './tiny-chat.ts'

const FIRST = { question: 'what is in the image?', images: [image(1)] }
const SECOND = { question: 'and now?' }

describe('a round', () => {
  test('streams its text', async () => {
    const pieces: string[] = []
    const { text, tokens, reason } = await tinyChat().ask({ ...FIRST, onToken: (piece) => pieces.push(piece) })
    expect({ text: pieces.join(''), tokens: tokens.length, reason }).toEqual({ text, tokens: 6, reason: 'length' })
    expect(text).toBe(tokenizer.decode(tokens))
    expect(text).not.toBe('')
    expect((await tinyChat().ask(FIRST)).text).toBe(text)
  })

  test.each([0, 0.01])('a reply of the end token alone is empty (temperature %d)', async (temperature) => {
    const begin = (await tinyChat().ask(FIRST)).tokens[0]!
    const chat = tinyChat({ tokenizer: endingWith(begin), sampling: { temperature } })
    expect(await chat.ask(FIRST)).toEqual({ text: '', tokens: [], reason: 'end' })
    expect(chat.ids.at(-1)).toBe(begin)
    expect((await chat.ask(SECOND)).tokens).not.toEqual([])
  })

  test('generated tokens are embedded by lang_embed, never by the decoder’s own table', async () => {
    const { embed_tokens, ...model } = params.lang_decoder.model
    const other = { ...model, embed_tokens: { weight: mul(embed_tokens.weight, -3) } }
    const changed = { ...params, lang_decoder: { ...params.lang_decoder, model: other } }
    expect(await tinyChat({ params: changed }).ask(FIRST)).toEqual(await tinyChat().ask(FIRST))
  })

  test('ids that the tokenizer lacks are never chosen', async () => {
    const V = tokenizer.vocabSize
    const language = { ...config.language, vocab_size: V + 8 }
    const longer = (x: typeof params.lang_embed.weight, value: number) => concat([x, full([8, 8], value)], 0)
    const { lang_decoder, lang_embed } = params
    const model = { ...lang_decoder.model, embed_tokens: { weight: longer(lang_embed.weight, 0) } }
    const padded = {
      ...params,
      lang_embed: { weight: longer(lang_embed.weight, 0) },
      // Rows of either sign: one of them would win.
      lang_decoder: {
        ...lang_decoder,
        model,
        lm_head: { weight: concat([lang_decoder.lm_head!.weight, full([4, 8], 99), full([4, 8], -99)], 0) },
      },
    }
    const chat = tinyChat({ params: padded, config: { ...config, language } })
    expect(await chat.ask(FIRST)).toEqual(await tinyChat().ask(FIRST))
  })
})

describe('sampling', () => {
  const conversation = async (seed: number, chat = tinyChat({ seed, sampling: { temperature: 1.5 } })) => [
    (await chat.ask(FIRST)).tokens,
    (await chat.ask(SECOND)).tokens,
  ]

  test('equal seeds give equal conversations, others others', async () => {
    expect(await conversation(1)).toEqual(await conversation(1))
    expect(await conversation(2)).not.toEqual(await conversation(1))
  })

  test('the likeliest token of the host is that of the device', async () => {
    const chat = tinyChat({ sampling: { temperature: 1, topK: 1 } })
    expect(await chat.ask(FIRST)).toEqual(await tinyChat().ask(FIRST))
  })

  test('a cleared conversation begins as the first did', async () => {
    const chat = tinyChat({ seed: 5, sampling: { temperature: 1.5 } })
    const before = await conversation(5, chat)
    chat.clear()
    expect({ length: chat.length, images: chat.images, ids: chat.ids }).toEqual({ length: 0, images: 0, ids: [] })
    expect(await conversation(5, chat)).toEqual(before)
  })
})

describe('the context', () => {
  test('a question that does not fit is refused, and nothing is lost', async () => {
    const chat = tinyChat({ contextLength: 40 })
    await chat.ask(FIRST)
    const { ids, length } = chat
    const many = { question: 'a cat', images: [image(7), image(8), image(9)] }
    await expect(chat.ask(many)).rejects.toThrow(new RegExp(`the context is full: ${length} of 40 positions`))
    expect([chat.ids, chat.length, chat.images]).toEqual([ids, length, 1])
    const unhindered = tinyChat({ contextLength: 40 })
    await unhindered.ask(FIRST)
    expect(await chat.ask(SECOND)).toEqual(await unhindered.ask(SECOND))
  })

  test.each([0, 1])('a reply that fills it ends there (temperature %d)', async (temperature) => {
    const sampling = { temperature, topK: 1 }
    const all = await tinyChat({ sampling, maxNewTokens: 6 }).ask(FIRST)
    const measured = tinyChat({ sampling, maxNewTokens: 1 })
    await measured.ask(FIRST)
    const chat = tinyChat({ sampling, contextLength: measured.length + 2 })
    const { tokens, reason } = await chat.ask(FIRST)
    // The last one is chosen but has no place of its own.
    expect({ tokens, reason }).toEqual({ tokens: all.tokens.slice(0, 3), reason: 'context-full' })
    await expect(chat.ask(SECOND)).rejects.toThrow(/the context is full/)
  })
})

test('a stop sequence ends a reply, is no part of its text, and the next question is answered', async () => {
  const all = await tinyChat({ maxNewTokens: 12 }).ask(FIRST)
  const middle = Math.floor(all.text.length / 2)
  const stop = all.text.slice(middle, middle + 2)
  const pieces: string[] = []
  const chat = tinyChat({ maxNewTokens: 12, stop: [stop] })
  const reply = await chat.ask({ ...FIRST, onToken: (piece) => pieces.push(piece) })
  expect({ text: reply.text, reason: reply.reason }).toEqual({
    text: all.text.slice(0, all.text.indexOf(stop)),
    reason: 'stop',
  })
  expect(pieces.join('')).toBe(reply.text)
  expect((await chat.ask(SECOND)).tokens.length).toBeGreaterThan(0)
})

describe('a round that fails leaves the conversation as it was', () => {
  const broken = new Float32Array(48).fill(Number.NaN)
  const stop = () => {
    throw new Error('enough')
  }
  test.each([
    ['the caller throws', { question: 'a dog', images: [image(9)], onToken: stop }, /enough/],
    ['pixels that are no numbers', { question: 'a dog', images: [broken] }, /not finite/],
    ['an image of another size', { question: 'a dog', images: [image(9).subarray(3)] }, ShapeError],
    ['too many images', { question: '', images: Array.from({ length: 8 }, () => image(9)) }, /at most 8 images/],
  ])('%s', async (_, question, error) => {
    const [chat, unhindered] = [tinyChat(), tinyChat()]
    for (const c of [chat, unhindered]) await c.ask(FIRST)
    await expect(chat.ask(question)).rejects.toThrow(error)
    const third = { question: 'a cat?', images: [image(3)] }
    for (const next of [SECOND, third]) expect(await chat.ask(next)).toEqual(await unhindered.ask(next))
    expect(chat.ids).toEqual(unhindered.ids)
  })

  test('not a trace is left of numbers that were not finite', async () => {
    const [chat, unhindered] = [tinyChat({ turnMultiple: 1 }), tinyChat({ turnMultiple: 1 })]
    const long = { question: 'a cat and a dog and a cat and a dog', images: [broken, broken] }
    await expect(chat.ask(long)).rejects.toThrow(/not finite/)
    for (const next of [SECOND, FIRST]) expect(await chat.ask(next)).toEqual(await unhindered.ask(next))
  })

  test('a second question before the reply is refused', async () => {
    const chat = tinyChat()
    const reply = chat.ask(FIRST)
    await expect(chat.ask(SECOND)).rejects.toThrow(ValueError)
    expect(() => chat.clear()).toThrow(ValueError)
    expect(await reply).toEqual(await tinyChat().ask(FIRST))
  })

  test('a session that was disposed of refuses questions', async () => {
    const chat = tinyChat()
    chat.dispose()
    await expect(chat.ask(SECOND)).rejects.toThrow(ValueError)
  })
})

test('images as host arrays; eight of them', async () => {
  const chat = tinyChat({ maxNewTokens: 1 })
  const images = Array.from({ length: 8 }, (_, i) => ({ dtype: 'f32' as const, shape: [3, 4, 4], data: image(i) }))
  await chat.ask({ question: '', images })
  expect(chat.images).toBe(8)
  await expect(chat.ask({ question: '', images: [image(1)] })).rejects.toThrow(ValueError)
  const wrong = { dtype: 'f32' as const, shape: [4, 4, 3], data: image(1) }
  await expect(tinyChat().ask({ question: '', images: [wrong] })).rejects.toThrow(/f32\[4,4,3\].*f32\[3,4,4\]/)
})

test.each([
  ['release attention', { config: { ...config, attention: 'mmca-release' as const } }, UnsupportedError],
  ['another image token', { config: { ...config, imageToken: 9 } }, ValueError],
  ['a context beyond the model’s', { contextLength: 129 }, ValueError],
  ['no context', { contextLength: 0 }, ValueError],
  ['half a token', { maxNewTokens: 0.5 }, ValueError],
  ['a negative temperature', { sampling: { temperature: -1 } }, ValueError],
])('%s is refused', (_, options, error) => {
  expect(() => createChat({ params, config, tokenizer, ...options })).toThrow(error)
})
