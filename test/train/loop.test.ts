import { describe, expect, it } from 'vitest'
import { type At, trainLoop } from '../../src/train/loop.ts'

/** A loop over a counter whose every step takes `ms`; `loss` of a step is 1/(step + 1) unless given. */
function counting(ms: number, loss: (step: number) => number = (step) => 1 / (step + 1)) {
  const clock = { ms: 0 }
  const seen: At[] = []
  return {
    clock,
    seen,
    options: {
      state: 0,
      now: () => clock.ms,
      step: async (state: number, at: At) => {
        seen.push(at)
        return {
          state: state + 1,
          metrics: async () => {
            clock.ms += ms
            return { loss: loss(at.step) }
          },
        }
      },
    },
  }
}

describe('trainLoop', () => {
  it('runs its steps and keeps the metrics of all', async () => {
    const { options, seen } = counting(100)
    const result = await trainLoop({ ...options, limit: { steps: 4 } })
    expect(result).toMatchObject({ state: 4, ended: 'steps', seconds: 0.4 })
    expect(result.history.map((r) => r.metrics.loss)).toEqual([1, 1 / 2, 1 / 3, 1 / 4])
    expect(seen.map((at) => at.share)).toEqual([0, 0.25, 0.5, 0.75])
  })

  it('goes on after a step that was skipped, and gives up when all are', async () => {
    const { options } = counting(1, (step) => (step === 1 ? Number.POSITIVE_INFINITY : 1))
    const skipping = (skipped: (step: number) => boolean) => ({
      ...options,
      step: async (state: number, at: At) => {
        const { state: next, metrics } = await options.step(state, at)
        return { state: next, metrics: async () => ({ ...(await metrics()), skipped: skipped(at.step) ? 1 : 0 }) }
      },
    })
    const result = await trainLoop({ ...skipping((step) => step === 1), limit: { steps: 3 } })
    expect(result.history.map((r) => r.metrics.skipped)).toEqual([0, 1, 0])
    await expect(trainLoop({ ...skipping(() => false), limit: { steps: 3 } })).rejects.toThrow('the loss of step 1')
    await expect(trainLoop({ ...skipping(() => true), limit: { steps: 100 } })).rejects.toThrow(
      'training diverged: 65 steps in a row were skipped',
    )
  })

  it('ends when its time is over, and measures its share by the nearer limit', async () => {
    const { options, seen } = counting(300)
    const result = await trainLoop({ ...options, limit: { steps: 100, seconds: 1 } })
    expect(result).toMatchObject({ state: 4, ended: 'time' })
    expect(seen.map((at) => at.share)).toEqual([0, 0.3, 0.6, 0.9])
  })

  it('ends after the running step when it is told to, with the state of that step', async () => {
    const { options } = counting(1)
    const stop = new AbortController()
    const result = await trainLoop({
      ...options,
      limit: { steps: 10 },
      signal: stop.signal,
      onStep: ({ step }) => {
        if (step === 2) stop.abort()
      },
    })
    expect(result).toMatchObject({ state: 3, ended: 'interrupted' })
    expect(result.history).toHaveLength(3)
  })

  it('tells speed and time left by the last steps', async () => {
    const { options, clock } = counting(50)
    let last = { stepsPerSecond: 0, seconds: 0, share: 0 }
    await trainLoop({
      ...options,
      limit: { steps: 60 },
      onStep: ({ step }, left) => {
        if (step === 0) clock.ms += 60_000 // a slow start, such as compilation
        if (step === 29) last = left
      },
    })
    expect(last.stepsPerSecond).toBeCloseTo(20)
    expect(last.seconds).toBeCloseTo(1.5)
    expect(last.share).toBe(0.5)
  })

  it('prepares the next step before it waits for the metrics of this one, and none after the last', async () => {
    const { options } = counting(1)
    const order: string[] = []
    await trainLoop({
      ...options,
      limit: { steps: 2 },
      prepare: (step) => order.push(`prepare ${step}`),
      onStep: ({ step }) => order.push(`done ${step}`),
    })
    expect(order).toEqual(['prepare 1', 'done 0', 'done 1'])
  })

  it('stops at a loss that is not a number, naming the step', async () => {
    const { options } = counting(1, (step) => (step === 3 ? Number.NaN : 1))
    await expect(trainLoop({ ...options, limit: { steps: 10 } })).rejects.toThrow(
      'training diverged: the loss of step 3 is NaN, after 1',
    )
  })

  it('refuses to run without an end', async () => {
    const { options } = counting(1)
    await expect(trainLoop({ ...options, limit: {} })).rejects.toThrow('limit the steps or the seconds')
  })
})
