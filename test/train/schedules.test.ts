import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { full } from '../../src/ir/ops.ts'
import { type Schedule, schedules } from '../../src/train/index.ts'
import { ValueError } from '../../src/util/errors.ts'

const at = (schedule: Schedule, step: number): Promise<number> => schedule(full([], step, 'i32')).item()

async function expectValues(schedule: Schedule, expected: Readonly<Record<number, number>>): Promise<void> {
  for (const [step, value] of Object.entries(expected)) {
    expect(Math.abs((await at(schedule, Number(step))) - value), `step ${step}`).toBeLessThan(1e-6)
  }
}

describe('schedules', () => {
  test('are f32 scalars', () => {
    const { shape, dtype } = schedules.cosine({ peak: 1, steps: 4 })(full([], 1, 'i32'))
    expect([shape, dtype]).toEqual([[], 'f32'])
  })

  test('constant', () => expectValues(schedules.constant(0.5), { 0: 0.5, 1000: 0.5 }))

  test('linear, and constant after', () =>
    expectValues(schedules.linear({ from: 1, to: 3, steps: 4 }), { 0: 1, 1: 1.5, 2: 2, 4: 3, 5: 3, 99: 3 }))

  test('polynomial', () =>
    expectValues(schedules.polynomial({ from: 1, to: 0.2, steps: 10, power: 2 }), {
      0: 1,
      5: 0.2 + 0.8 * 0.25,
      9: 0.2 + 0.8 * 0.01,
      10: 0.2,
      11: 0.2,
    }))

  test('cosine, down to its floor', () =>
    expectValues(schedules.cosine({ peak: 1, steps: 8, floor: 0.2 }), {
      0: 1,
      2: 0.2 + 0.4 * (1 + Math.SQRT1_2),
      4: 0.6,
      8: 0.2,
      9: 0.2,
    }))

  test('warmupCosine goes up in a line, then down', () =>
    expectValues(schedules.warmupCosine({ peak: 1, warmupSteps: 4, totalSteps: 12, floor: 0.1, start: 0.2 }), {
      0: 0.2,
      1: 0.4,
      3: 0.8,
      4: 1,
      8: 0.55,
      12: 0.1,
      13: 0.1,
    }))

  test('warmupCosine without a warm-up is cosine', () =>
    expectValues(schedules.warmupCosine({ peak: 1, warmupSteps: 0, totalSteps: 2 }), { 0: 1, 1: 0.5, 2: 0 }))

  test('restarts of one length', () =>
    expectValues(schedules.cosineWithRestarts({ peak: 1, steps: 2 }), { 0: 1, 1: 0.5, 2: 1, 3: 0.5, 4: 1 }))

  test('restarts of growing length', () =>
    expectValues(schedules.cosineWithRestarts({ peak: 1, steps: 2, growth: 3, floor: 0.5 }), {
      0: 1,
      1: 0.75,
      2: 1, // 6 steps long
      5: 0.75,
      8: 1, // 18 steps long
      17: 0.75,
      26: 1,
    }))

  test('piecewise: each piece counts from its own start', () =>
    expectValues(schedules.piecewise([0.5, schedules.linear({ from: 0, to: 4, steps: 4 }), 9], [2, 5]), {
      0: 0.5,
      1: 0.5,
      2: 0,
      3: 1,
      4: 2,
      5: 9,
      50: 9,
    }))

  test('a cosine never leaves its bounds, and never rises', async () => {
    const settings = fc.record({ steps: fc.integer({ min: 1, max: 1e6 }), step: fc.integer({ min: 0, max: 2e6 }) })
    await fc.assert(
      fc.asyncProperty(settings, async ({ steps, step }) => {
        const schedule = schedules.cosine({ peak: 1, steps, floor: 0.25 })
        const [now, next] = [await at(schedule, step), await at(schedule, step + 1)]
        expect(now).toBeLessThanOrEqual(1)
        expect(next).toBeGreaterThanOrEqual(0.25)
        expect(next).toBeLessThanOrEqual(now + 1e-6)
      }),
      { numRuns: 100 },
    )
  })

  test.each([
    () => schedules.linear({ from: 0, to: 1, steps: 0 }),
    () => schedules.cosine({ peak: 1, steps: 1.5 }),
    () => schedules.warmupCosine({ peak: 1, warmupSteps: 5, totalSteps: 5 }),
    () => schedules.cosineWithRestarts({ peak: 1, steps: 1, growth: 0 }),
    () => schedules.piecewise([1, 2], []),
    () => schedules.piecewise([1, 2, 3], [4, 4]),
    () => schedules.piecewise([1, 2], [0]),
  ])('steps that make no sense are refused (%#)', (make) => {
    expect(make).toThrow(ValueError)
  })
})
