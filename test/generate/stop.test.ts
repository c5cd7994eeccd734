import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StopSequences } from '../../src/generate/stop.ts'

/** What is shown of the pieces, and whether a sequence stopped them. */
function shown(
  pieces: readonly string[],
  sequences: readonly string[],
): { readonly text: string; readonly stopped: boolean } {
  const stop = new StopSequences(sequences)
  let text = ''
  for (const piece of pieces) {
    const passed = stop.push(piece)
    text += passed.text
    if (passed.stopped) return { text, stopped: true }
  }
  return { text: text + stop.end(), stopped: false }
}

test('a text ends before the first stop sequence, however it comes in pieces', () => {
  const few = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 3 })
  const sequence = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(few, { maxLength: 12 }), fc.array(sequence, { maxLength: 3 }), (pieces, sequences) => {
      const whole = pieces.join('')
      // The first to be complete stops the text, the longest of those that end there.
      const ends = sequences.map((s) => [s, whole.indexOf(s) + s.length] as const).filter(([s]) => whole.includes(s))
      const first = Math.min(...ends.map(([, end]) => end))
      const result = shown(pieces, sequences)
      expect(result.stopped).toBe(ends.length > 0)
      if (!result.stopped) expect(result.text).toBe(whole)
      else {
        expect(whole.startsWith(result.text)).toBe(true)
        expect(result.text.length).toBeLessThan(first)
        for (const s of sequences) expect(result.text.includes(s)).toBe(false)
      }
    }),
  )
})

test('nothing is held back that cannot become a stop sequence', () => {
  const stop = new StopSequences(['\n\n', 'END'])
  expect(stop.push('one\n')).toEqual({ text: 'one', stopped: false })
  expect(stop.push('two E')).toEqual({ text: '\ntwo ', stopped: false })
  expect(stop.push('N')).toEqual({ text: '', stopped: false })
  expect(stop.push('O')).toEqual({ text: 'ENO', stopped: false })
  expect(stop.end()).toBe('')
})

test('an empty sequence is refused', () => {
  expect(() => new StopSequences([''])).toThrow(/empty stop sequence/)
})
