import { expect, test } from 'vitest'
import { IdleWaits } from '../../src/runtime/idle-waits.ts'

/** Turns of the event loop in that many milliseconds. */
async function turnsIn(ms: number): Promise<number> {
  const start = performance.now()
  let turns = 0
  while (performance.now() - start < ms) {
    await new Promise((resolve) => setImmediate(resolve))
    turns++
  }
  return turns
}

test('a busy event loop sleeps while something is awaited, and only then', async () => {
  const waits = new IdleWaits()
  const free = await turnsIn(100)
  waits.begin()
  waits.begin()
  waits.end()
  const waiting = await turnsIn(100)
  waits.end()
  const after = await turnsIn(100)
  expect(waiting).toBeGreaterThan(10)
  expect(waiting).toBeLessThan(free / 5)
  expect(after).toBeGreaterThan(2 * waiting)
})
