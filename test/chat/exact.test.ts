import { describe, expect, test } from 'vitest'
import { ChatEngine } from '../../src/chat/engine.ts'
import type { Question, Reply } from '../../src/chat/session.ts'
import { layOutTurn } from '../../src/chat/turn.ts'
import { toSequence } from '../../src/data/sequence.ts'
import { featuresPerImage } from '../../src/models/visualchat.ts'
import { apart } from '../nn/oracle.ts'
import { config, EndingWith, endingWith, image, params, tinyChat, tokenizer } from './tiny-chat.ts'
import { likeliestOf, wholePass } from './whole-pass.ts'

const QUESTIONS: readonly Question[] = [
  { question: 'what is in the image?', images: [image(1), image(2)] },
  { question: 'and now?' },
  { question: 'a dog and a cat?', images: [image(3)] },
]
const LATE_IMAGE: readonly Question[] = [
  { question: 'what is a cat?' },
  { question: 'and in the image?', images: [image(4)] },
]

const imagesOf = (questions: readonly Question[]): Float32Array[] =>
  questions.flatMap(({ images = [] }) => images.filter((x) => x instanceof Float32Array))

/** An end token that the model comes to in each round, one that it starts with, and one that it never chooses. */
const ENDS = [14, 232, 2]

describe('cached rounds equal one uncached pass over the conversation', () => {
  const cases = (['mmca-paper', 'causal'] as const).flatMap((attention) =>
    ENDS.flatMap((eosId) => [
      { attention, eosId, name: 'images first', questions: QUESTIONS },
      { attention, eosId, name: 'text first', questions: LATE_IMAGE },
    ]),
  )
  test.each(cases)('greedy tokens, $attention, end token $eosId, $name', async ({ attention, eosId, questions }) => {
    const model = { ...config, attention }
    const chat = tinyChat({ config: model, tokenizer: endingWith(eosId), maxNewTokens: 8 })
    const chosen: number[] = []
    for (const question of questions) {
      const { tokens, reason } = await chat.ask(question)
      const made = tokens.length + (reason === 'end' ? 1 : 0)
      chosen.push(...Array.from({ length: made }, (_, i) => chat.ids.length - made + i))
    }
    const logits = await wholePass(chat.ids, imagesOf(questions), model)
    expect(chosen.map((at) => likeliestOf(logits[at - 1]!))).toEqual(chosen.map((at) => chat.ids[at]))
  })

  test('logits, turns padded to any length', async () => {
    const I = tokenizer.imageId
    const ids = [1, 20, I, 14, 21, 22, 23, 2, 1, 24, I, 14, 25, 26]
    const images = [image(1), image(2)]
    const whole = await wholePass(ids, images)
    const P = featuresPerImage(config)
    const engine = new ChatEngine({
      params,
      config,
      device: 'reference',
      positions: 40,
      maxImages: 2,
      vocabSize: tokenizer.vocabSize,
      forbidden: [],
      greedy: false,
    })
    const far = async (choice: Awaited<ReturnType<ChatEngine['step']>>, at: number): Promise<number> =>
      apart(Array.from(await choice.read()), Array.from(whole[at]!))
    await engine.encodeImage(images[0]!, 0)
    expect(await far(await engine.prefill(layOutTurn(ids.slice(0, 6), config, 0, 16), 0), 5)).toBeLessThan(1e-5)
    expect(await far(await engine.step(23), 6)).toBeLessThan(1e-5)
    await engine.encodeImage(images[1]!, 1)
    const second = layOutTurn(ids.slice(7), config, 1, 23)
    const length = 7 + P - 1
    expect(await far(await engine.prefill(second, length), 13)).toBeLessThan(1e-5)
    // Back to before the second turn, and again with other padding.
    expect(await far(await engine.prefill(layOutTurn(ids.slice(7), config, 1, 11), length), 13)).toBeLessThan(1e-5)
  })

  test('the multiple that turns are padded to changes nothing', async () => {
    const conversation = async (turnMultiple: number): Promise<Reply[]> => {
      const chat = tinyChat({ turnMultiple, contextLength: 75 })
      const replies: Reply[] = []
      for (const question of QUESTIONS) replies.push(await chat.ask(question))
      return replies
    }
    const plain = await conversation(1)
    for (const multiple of [7, 32, 1000]) expect(await conversation(multiple)).toEqual(plain)
  })
})

test('the conversation is, token for token, what training makes of it', async () => {
  const chat = tinyChat({ tokenizer: endingWith(14), maxNewTokens: 8 })
  const answers: (readonly number[])[] = []
  for (const question of QUESTIONS) {
    const { tokens, reason } = await chat.ask(question)
    expect(reason).toBe('end')
    answers.push(tokens)
  }
  expect(answers.every((tokens) => tokens.length > 0)).toBe(true)
  // A random model's bytes are no text, which could be encoded again: names stand for the answers.
  class Encoder extends EndingWith {
    override encode(text: string): number[] {
      return [...(answers[Number(/^answer (\d)$/.exec(text)?.[1])] ?? super.encode(text))]
    }
  }
  const turns = QUESTIONS.map(({ question, images = [] }, i) => ({
    images: images.length,
    question,
    answer: `answer ${i}`,
  }))
  expect(chat.ids).toEqual(toSequence({ turns }, new Encoder(14), { imageTokens: featuresPerImage(config) }).ids)
  expect(tokenizer.decode(chat.ids.filter((id) => id !== tokenizer.imageId))).toContain('### Image 3:\n')
})
