import { expect, test } from 'vitest'
import { endingWith, image, tinyChat } from '../chat/tiny-chat.ts'
import { UNDER_TEST } from './under-test.ts'

const QUESTIONS = [
  { question: 'what is in the image?', images: [image(1), image(2)] },
  { question: 'and now?' },
  { question: 'a dog and a cat?', images: [image(3)] },
]

test.each([
  ['greedy, replies of full length', {}],
  ['greedy, replies that end', { tokenizer: endingWith(14), maxNewTokens: 8 }],
  ['sampled', { sampling: { temperature: 0.8, topP: 0.9 }, seed: 7 }],
])('a conversation on the device is that of the reference evaluator: %s', async (_, options) => {
  const [onDevice, reference] = [tinyChat({ ...options, device: UNDER_TEST }), tinyChat(options)]
  for (const question of QUESTIONS) expect(await onDevice.ask(question)).toEqual(await reference.ask(question))
  onDevice.clear()
  reference.clear()
  expect(await onDevice.ask(QUESTIONS[1]!)).toEqual(await reference.ask(QUESTIONS[1]!))
  expect(onDevice.ids).toEqual(reference.ids)
  onDevice.dispose()
})

test('on the device, too, a question that fails is taken back', async () => {
  const [onDevice, reference] = [tinyChat({ device: UNDER_TEST }), tinyChat()]
  const broken = { question: 'a cat and a dog and a cat?', images: [image(1).fill(Number.NaN)] }
  await expect(onDevice.ask(broken)).rejects.toThrow(/not finite/)
  for (const question of QUESTIONS) expect(await onDevice.ask(question)).toEqual(await reference.ask(question))
  onDevice.dispose()
})
