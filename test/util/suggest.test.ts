import { describe, expect, it } from 'vitest'
import { didYouMean, editDistance, nearest } from '../../src/util/suggest.ts'

describe('nearest', () => {
  const names = ['transpose', 'relu', 'max2', 'sum', 'dot', 'learning-rate', 'x']
  it.each([
    ['trasnpose', 'transpose'],
    ['transpos', 'transpose'],
    ['rleu', 'relu'],
    ['max', 'max2'],
    ['SUM', 'sum'],
    ['learning_rate', 'learning-rate'],
  ])('%s means %s', (word, name) => expect(nearest(word, names)).toBe(name))

  it.each(['matmul', 'softmax', 'y', '', 'a'.repeat(100_000)])('%.12s means nothing that is near', (word) => {
    expect(nearest(word, names)).toBeUndefined()
    expect(didYouMean(word, names)).toBeUndefined()
  })

  it('prefers the nearer, then the first', () => {
    expect(nearest('axs', ['axes', 'axis'])).toBe('axes')
    expect(nearest('axi', ['axes', 'axis'])).toBe('axis')
    expect(didYouMean('axi', ['axes', 'axis'])).toBe('did you mean axis?')
  })
})

describe('editDistance', () => {
  it.each([
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['same', 'same', 0],
  ])('from %j to %j is %d', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance)
    expect(editDistance(b, a)).toBe(distance)
  })
})
