import { expect, test } from 'vitest'
import { benchmarkCases, roofCases } from '../../bench/cases.ts'
import { measureRoof, raisedBy, shareOfRoof } from '../../bench/machine/roof.ts'
import { measuredRow } from '../../bench/row.ts'
import { fakeContender } from './fake-contender.ts'

test('the roof is the best product and the copy', async () => {
  const roof = await measureRoof(fakeContender({ name: 'weft', time: 10 }), roofCases('full'))
  expect(roof).toMatchObject({ device: 'wasm', threads: 1 })
  expect(roof.gflops).toBeCloseTo((2 * 1024 ** 3) / 10e-3 / 1e9)
  expect(roof.gigabytes).toBeCloseTo((2 * 4 * 4 * 1024 ** 2) / 10e-3 / 1e9)
})

test('what bounds a case decides of what its share is', () => {
  const roofs = [{ device: 'wasm', threads: 1, gflops: 100, gigabytes: 10 }]
  const by = fakeContender({ name: 'weft' })
  const share = (start: string, time: number): number | null => {
    const what = benchmarkCases('full').find(({ name }) => name.startsWith(start))!
    const row = measuredRow(what, by, { times: [time], firstCall: 1, facts: null })
    return shareOfRoof({ ...row, median: time }, roofs)
  }
  expect(share('matmul 1024', 43)).toBeCloseTo((2 * 1024 ** 3) / 100e9 / 0.043)
  expect(share('softmax', 2)).toBeCloseTo((8 * 1024 ** 2) / 10e9 / 0.002)
})

test('what a peer reached raises the roof of the device that it ran on', () => {
  const what = benchmarkCases('full')[0]!
  const row = measuredRow(what, fakeContender({ name: 'peer' }), { times: [1], firstCall: 1, facts: null })
  const roofs = [1, 2].map((threads) => ({ device: 'wasm', threads, gflops: 1, gigabytes: 1 }))
  const [raised, other] = raisedBy(roofs, [row])
  expect(raised!.gflops).toBeCloseTo((2 * 512 ** 3) / 1e-3 / 1e9)
  expect(raised!.gigabytes).toBeCloseTo((3 * 512 ** 2 * 4) / 1e-3 / 1e9)
  expect(other).toEqual(roofs[1])
})
