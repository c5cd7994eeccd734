import { expect, test } from 'vitest'
import { Continuation } from '../../src/generate/continuation.ts'

const LETTERS = ['a', 'b', '\n', 'é', '']
/** A stream whose tokens are letters; what is left at the end is `rest`. */
const letters = (rest = '') => ({ push: (id: number) => LETTERS[id]!, end: () => rest })

function written(ids: readonly number[], stop: readonly string[], rest?: string) {
  const pieces: string[] = []
  const text = new Continuation({
    stream: letters(rest),
    ends: new Set([9]),
    stop,
    onText: (piece) => pieces.push(piece),
  })
  const endings = ids.map((id) => text.push(id))
  text.finish()
  expect(pieces.join('')).toBe(text.text)
  return { text: text.text, tokens: text.tokens, endings, ending: text.ending }
}

test('ends at an end token, which is no part of it, and shows what was held back', () => {
  expect(written([0, 2, 9, 1], ['\n\n'])).toEqual({
    text: 'a\n',
    tokens: [0, 2],
    endings: [undefined, undefined, 'end', 'end'],
    ending: 'end',
  })
  expect(written([9], [])).toEqual({ text: '', tokens: [], endings: ['end'], ending: 'end' })
})

test('ends before a stop sequence, be it complete only with what was left of a character', () => {
  expect(written([0, 2, 2, 1], ['\n\n'])).toMatchObject({ text: 'a', tokens: [0, 2, 2], ending: 'stop' })
  expect(written([0, 1], ['b!'], '!')).toMatchObject({ text: 'a', ending: 'stop' })
})

test('whoever writes may have enough before', () => {
  expect(written([0, 3, 4], ['x'])).toMatchObject({ text: 'aé', ending: undefined })
})
