import { expect, test } from 'vitest'
import { runBenchmark } from '../../bench/benchmark.ts'
import { benchmarkCases } from '../../bench/cases.ts'
import { Unsupported } from '../../bench/implementation.ts'
import { measureCase } from '../../bench/measure.ts'
import { anotherRound, anotherRun } from '../../bench/schedule.ts'
import { fakeContender } from './fake-contender.ts'

const what = benchmarkCases('tiny')[0]!
const silent = (): void => {}

test('every contender has as many runs as asked for', async () => {
  const rows = await measureCase(
    what,
    [fakeContender({ name: 'weft' }), fakeContender({ name: 'b', time: 4 })],
    { runs: 7 },
    silent,
  )
  expect(rows).toMatchObject([
    { implementation: 'weft', status: 'measured', median: 1, runs: 7, firstCall: 5 },
    { implementation: 'b', status: 'measured', median: 4, runs: 7 },
  ])
})

test('contenders take turns, the first run of each not counted', async () => {
  const order: string[] = []
  const named = (name: string) => fakeContender({ name, time: 50, onRun: () => order.push(name) })
  const rows = await measureCase(what, [named('a'), named('b')], { runs: 4 }, silent)
  const turn = (name: string) => [name, name, name]
  expect(order.slice(-12)).toEqual([...turn('a'), ...turn('b'), ...turn('a'), ...turn('b')])
  expect(rows).toMatchObject([{ runs: 4 }, { runs: 4 }])
})

test('a wrong result is an error, not a time', async () => {
  const wrong = fakeContender({ name: 'b', outputs: { result: Float32Array.of(1, 2, 3.1) } })
  const rows = await measureCase(what, [fakeContender({ name: 'weft' }), wrong], { runs: 1 }, silent)
  expect(rows[1]).toMatchObject({ status: 'error', why: 'wrong result: result is off by 3.3e-2' })
  expect(rows[1]).not.toHaveProperty('median')
})

test('a failure while running, and what is not supported, are rows that say why', async () => {
  const breaks = fakeContender({
    name: 'b',
    onRun: () => {
      throw new Error('out of memory\n  at somewhere')
    },
  })
  const cannot = fakeContender({
    name: 'c',
    onPrepare: () => {
      throw new Unsupported('no gradients')
    },
  })
  const rows = await measureCase(what, [fakeContender({ name: 'weft' }), breaks, cannot], { runs: 1 }, silent)
  expect(rows).toMatchObject([
    { status: 'measured' },
    { status: 'error', why: 'out of memory' },
    { status: 'unsupported', why: 'no gradients' },
  ])
})

test('who cannot be started has a row in every case', async () => {
  const missing = fakeContender({
    name: 'b',
    onOpen: () => {
      throw new Error('not installed')
    },
  })
  const cases = benchmarkCases('tiny').slice(0, 2)
  const { rows, versions } = await runBenchmark(cases, [fakeContender({ name: 'weft' }), missing], { runs: 1 }, silent)
  expect(rows.filter((row) => row.implementation === 'b')).toMatchObject(
    cases.map(({ name }) => ({ case: name, status: 'missing', why: 'not installed' })),
  )
  expect(versions).toEqual({ 'weft, 1 thread': 'weft 1.0', 'b, 1 thread': 'not there: not installed' })
})

test('quick cases run more often than slow ones', () => {
  expect(anotherRound(4, 1e9)).toBe(true)
  expect(anotherRound(5, 1e9)).toBe(false)
  expect(anotherRound(14, 10_000)).toBe(true)
  expect(anotherRound(15, 10_000)).toBe(false)
  expect(anotherRound(50, 100)).toBe(true)
  expect(anotherRound(100, 100)).toBe(false)
})

test('who is slow to start has few runs, and who runs for seconds has enough of them soon', () => {
  const quick = { firstCall: 100, runs: 3, spent: 30 }
  expect(anotherRun(quick, {})).toBe(true)
  expect(anotherRun({ ...quick, firstCall: 60_000 }, {})).toBe(false)
  expect(anotherRun({ ...quick, spent: 9000 }, {})).toBe(false)
  expect(anotherRun({ ...quick, runs: 2, spent: 20_000 }, {})).toBe(true)
  expect(anotherRun({ ...quick, firstCall: 60_000 }, { runs: 4 })).toBe(true)
})

test('a long run is not repeated for warmth', async () => {
  let runs = 0
  const slow = fakeContender({ name: 'weft', time: 5000, firstCall: 30_000, onRun: () => runs++ })
  const rows = await measureCase(what, [slow], {}, silent)
  expect(rows).toMatchObject([{ runs: 3 }])
  expect(runs).toBeLessThan(8)
})
