import { expect, test } from 'vitest'
import { TextStream } from '../../src/chat/text-stream.ts'
import { tokenizer } from './tiny-chat.ts'

const pieces = (ids: readonly number[]): string[] => {
  const stream = new TextStream(tokenizer)
  const out = [...ids.map((id) => stream.push(id)), stream.end()]
  expect(out.join('')).toBe(tokenizer.decode(ids))
  return out
}

test('a character of several tokens appears with its last', () => {
  expect(pieces(tokenizer.encode(' cat €!'))).toEqual([' cat', ' ', '', '', '€', '!', ''])
})

test('bytes that make no character appear when that is certain', () => {
  const [euro] = [tokenizer.encode('€')]
  expect(pieces([...euro!.slice(0, 2), ...tokenizer.encode(' cat')])).toEqual(['', '', '\ufffd\ufffd cat', ''])
  expect(pieces(euro!.slice(0, 2))).toEqual(['', '', '\ufffd\ufffd'])
  expect(pieces([])).toEqual([''])
})
