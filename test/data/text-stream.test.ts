import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBytes, toBytes, Utf8Stream } from '../../src/data/utf8.ts'
import { tokenizer } from '../chat/tiny-chat.ts'

const pieces = (ids: readonly number[]): string[] => {
  const stream = tokenizer.stream()
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

test('bytes in parts make the text that they make at once', () => {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0xe2, 0x82, 0xac, 0xf0, 0x9f, 0xed, 0xa0, 0x80))
  const parts = fc.array(fc.oneof(fc.array(byte, { maxLength: 4 }), fc.string({ unit: 'grapheme' }).map(toBytes)))
  const property = fc.property(parts, fc.boolean(), (given, halves) => {
    const stream = new Utf8Stream(halves)
    const text = given.map((part) => stream.push(part)).join('') + stream.end()
    expect(text).toBe(fromBytes(given.flat(), halves))
  })
  fc.assert(property, { numRuns: 500 })
})
