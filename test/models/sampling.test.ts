import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type SamplingOptions, sampler } from '../../src/models/sampling.ts'
import { ValueError } from '../../src/util/errors.ts'

describe('sampler', () => {
  const logits = [0, Math.log(2), Math.log(5), Number.NEGATIVE_INFINITY]
  /** Share of each token over an even sweep of random numbers. */
  const shares = (options: SamplingOptions): number[] => {
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 800; i++) counts[sampler({ ...options, random: () => (i + 0.5) / 800 })(logits)]!++
    return counts.map((n) => n / 800)
  }

  test('temperature 0 takes the first of the likeliest', () => {
    expect(sampler()([1, 3, 3, 2])).toBe(1)
  })

  test('temperature 1 draws from the distribution; others sharpen it or flatten it', () => {
    expect(shares({ temperature: 1 })).toEqual([1 / 8, 2 / 8, 5 / 8, 0])
    shares({ temperature: 0.5 }).forEach((s, i) => expect(s).toBeCloseTo([1 / 30, 4 / 30, 25 / 30, 0][i]!, 2))
  })

  test('topK and topP cut the tail', () => {
    shares({ temperature: 1, topK: 2 }).forEach((s, i) => expect(s).toBeCloseTo([0, 2 / 7, 5 / 7, 0][i]!, 2))
    expect(shares({ temperature: 1, topP: 0.6 })).toEqual([0, 0, 1, 0])
    shares({ temperature: 1, topP: 0.7 }).forEach((s, i) => expect(s).toBeCloseTo([0, 2 / 7, 5 / 7, 0][i]!, 2))
  })

  test('topK and topP choose what a sort of the whole vocabulary would', () => {
    const options = fc.record(
      { topK: fc.integer({ min: 1, max: 30 }), topP: fc.double({ min: 0.01, max: 1, noNaN: true }) },
      { requiredKeys: [] },
    )
    // Few different values, so that there are ties.
    const anyLogits = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 24 })
    fc.assert(
      fc.property(anyLogits, options, fc.double({ min: 0, max: 0.999, noNaN: true }), (x, cut, u) => {
        const weights = x.map(Math.exp)
        const sum = (ids: number[]): number => ids.reduce((a, i) => a + weights[i]!, 0)
        const top = x
          .map((_, i) => i)
          .sort((a, b) => x[b]! - x[a]! || a - b)
          .slice(0, cut.topK ?? x.length)
        const wanted = (cut.topP ?? 1) * sum(top)
        const allowed = top.filter((_, i) => sum(top.slice(0, i)) < wanted - 1e-9)
        const id = sampler({ ...cut, temperature: 1, random: () => u })(x)
        expect(top).toContain(id)
        if (cut.topP !== undefined) expect([...allowed, top[allowed.length]]).toContain(id)
      }),
    )
  })

  test('a penalty makes what was there less likely, whatever its sign', () => {
    const penalised = sampler({ repetitionPenalty: 2 })
    expect(penalised([3, 2, -1], [0])).toBe(1)
    expect(penalised([-1, -1.5, -9], [0])).toBe(1)
    expect(penalised([-1, -2.5, -9], [0, 0])).toBe(0)
  })

  test.each([
    ['a penalty of 0', () => sampler({ repetitionPenalty: 0 })],
    ['a negative temperature', () => sampler({ temperature: -1 })],
    ['topK of 0', () => sampler({ topK: 0 })],
    ['topP of 0', () => sampler({ topP: 0 })],
    ['no randomness', () => sampler({ temperature: 1 })],
    ['NaN', () => sampler()([1, Number.NaN])],
    ['infinity', () => sampler()([1, Number.POSITIVE_INFINITY])],
    ['nothing', () => sampler()([])],
  ])('%s is refused', (_, call) => {
    expect(call).toThrow(ValueError)
  })
})
