import { expect, test } from 'vitest'
import { benchmarkCases } from '../../bench/cases.ts'
import { header } from '../../bench/report/header.ts'
import { reportJson } from '../../bench/report/json.ts'
import { summary } from '../../bench/report/summary.ts'
import { caseTable } from '../../bench/report/table.ts'
import { measuredRow, otherRow, type Row } from '../../bench/row.ts'
import { fakeContender } from './fake-contender.ts'

const what = benchmarkCases('full')[0]! // matmul 512
const weft = fakeContender({ name: 'weft' })
const rows: readonly Row[] = [
  measuredRow(what, weft, [10, 11, 12], 100),
  measuredRow(what, fakeContender({ name: 'peer' }), [20, 22, 24], 50),
  measuredRow(what, { ...fakeContender({ name: 'native' }), script: false, device: 'cpu' }, [5.5], 1),
  otherRow(what, fakeContender({ name: 'other' }), 'unsupported', 'no gradients'),
  otherRow(what, fakeContender({ name: 'broken' }), 'error', 'wrong result: result is off by 1.0e+0'),
]
const peak = { oneThread: 40, allThreads: 80, threads: 2, fused: false, copy: 16 }

test('a table of one case', () => {
  expect(caseTable(what.name, rows, peak)).toBe(
    [
      'matmul 512',
      '          threads  median ms  p10..p90 ms  runs          rate  of peak  time / weft  first call ms',
      '  weft          1       11.0   10.2..11.8     3  24.4 GFLOP/s      61%        1.00x            100',
      '  peer          1       22.0   20.4..23.6     3  12.2 GFLOP/s      31%        2.00x           50.0',
      '  native        1       5.50   5.50..5.50     1  48.8 GFLOP/s        -       0.500x           1.00',
      '  other, threads 1: not supported: no gradients',
      '  broken, threads 1: ERROR: wrong result: result is off by 1.0e+0',
    ].join('\n'),
  )
})

test('a table in which nothing was measured', () => {
  expect(caseTable('case', rows.slice(4))).toBe(
    'case\n  broken, threads 1: ERROR: wrong result: result is off by 1.0e+0',
  )
})

test('the summary holds weft against the best in JavaScript and the best of all', () => {
  expect(summary(rows)).toBe(
    [
      'case        weft (threads) ms  best in JavaScript  weft / it  best of all      weft / it',
      'matmul 512           (1) 11.0  peer (1) 22.0           0.500  native (1) 5.50       2.00',
    ].join('\n'),
  )
})

test('the header names the machine, its peak and the versions', () => {
  const machine = { processor: 'P', cores: 2, node: 'v20.0.0', flags: ['--flag'], system: 'linux x64' }
  const text = header(new Date(0), machine, peak, { 'peer, 1 thread': 'peer 1.2.3', 'jax-js, 1 thread': 'j' }, 'tiny')
  expect(text).toContain(
    'weft benchmark, 1970-01-01\n  P, 2 cores, linux x64, Node v20.0.0\n  Node runs with --flag, for weft',
  )
  expect(text).toContain('40.0 GFLOP/s on 1 thread, 80.0 on 2; copying 16.0 GB/s')
  expect(text).toContain('peer, 1 thread: peer 1.2.3')
  expect(text).toContain('MEAN NOTHING')
  expect(text).toContain('jax-js runs in Node by stand-ins')
  expect(text).not.toContain('onnxruntime')
})

test('the JSON has a row for each, measured or not', () => {
  const machine = { processor: 'P', cores: 2, node: 'v20.0.0', flags: ['--flag'], system: 'linux x64' }
  const report: unknown = JSON.parse(reportJson({ date: '1970-01-01', machine, peak, versions: {}, rows }))
  expect(report).toMatchObject({ machine, peak })
  expect(report).toHaveProperty('rows.0', {
    case: 'matmul 512',
    device: 'wasm',
    implementation: 'weft',
    threads: 1,
    script: true,
    flops: 2 * 512 ** 3,
    bytes: 3 * 512 ** 2 * 4,
    status: 'measured',
    median: 11,
    spread: { p10: 10.2, p90: 11.8 },
    runs: 3,
    firstCall: 100,
    rate: { value: expect.closeTo(24.4, 1), unit: 'GFLOP/s' },
  })
  expect(report).toHaveProperty('rows.3.why', 'no gradients')
})
