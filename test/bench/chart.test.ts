import { expect, test } from 'vitest'
import { benchmarkCases, type Case } from '../../bench/cases.ts'
import { chartBars, chartSvg } from '../../bench/report/chart.ts'
import { measuredRow, otherRow } from '../../bench/row.ts'
import { fakeContender } from './fake-contender.ts'

const [first, second, third] = benchmarkCases('full') as [Case, Case, Case]
const at = (name: string, threads: number) => ({ ...fakeContender({ name }), threads })
const measured = (time: number) => ({ times: [time], firstCall: 1, facts: null })

const rows = [
  measuredRow(first, at('weft', 1), measured(20)),
  measuredRow(first, at('weft', 2), measured(10)),
  measuredRow(first, at('peer', 1), measured(40)),
  measuredRow(first, { ...at('native', 2), device: 'cpu' }, measured(5)),
  otherRow(second, at('weft', 1), 'error', 'why'),
  measuredRow(second, at('peer', 1), measured(1)),
  measuredRow(third, at('weft', 1), measured(1)),
]

test('bars hold the fastest row of each against the fastest of weft', () => {
  expect(chartBars(rows)).toEqual([
    { case: first.name, implementation: 'weft', ratio: 1, label: '10.0 ms' },
    { case: first.name, implementation: 'peer', ratio: 4, label: '40.0 ms' },
    { case: first.name, implementation: 'native (cpu)', ratio: 0.5, label: '5.00 ms' },
  ])
})

test('the chart is an SVG that names cases, implementations and times', async () => {
  const svg = await chartSvg(rows, 'A title')
  expect(svg).toMatch(/^<svg/)
  for (const text of [first.name, 'peer', '40.0 ms', 'A title']) expect(svg).toContain(text)
  expect(svg).not.toContain('NaN')
})

test('a run that measured nothing has a chart without bars', async () => {
  expect(await chartSvg([], 'none')).not.toContain('NaN')
})
