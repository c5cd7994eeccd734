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
const native = { ...fakeContender({ name: 'native' }), script: false, device: 'cpu' }
const facts = { kernelCalls: 3, pipelines: 2, plannedBytes: 2.4e6, livenessBytes: 2e6, newPipelines: 0 }
const rows: readonly Row[] = [
  measuredRow(what, weft, { times: [10, 11, 12], firstCall: 100, facts }),
  measuredRow(what, fakeContender({ name: 'peer' }), { times: [20, 22, 24], firstCall: 50, facts: null }),
  measuredRow(what, native, { times: [5.5], firstCall: 1, facts: null }),
  otherRow(what, fakeContender({ name: 'other' }), 'unsupported', 'no gradients'),
  otherRow(what, fakeContender({ name: 'broken' }), 'error', 'wrong result: result is off by 1.0e+0'),
]
const roofs = [{ device: 'wasm', threads: 1, gflops: 48.8, gigabytes: 16 }]
const peak = { oneThread: 40, allThreads: 80, threads: 2, fused: false, copy: 16 }

test('a table of one case', () => {
  expect(caseTable(what.name, rows, roofs)).toBe(
    [
      'matmul 512',
      '          threads  median ms  p10..p90 ms  runs  GFLOP/s   GB/s  of roof  time / weft  first call ms',
      '  weft          1       11.0   10.2..11.8     3     24.4  0.286      50%        1.00x            100',
      '  peer          1       22.0   20.4..23.6     3     12.2  0.143      25%        2.00x           50.0',
      '  native        1       5.50   5.50..5.50     1     48.8  0.572        -       0.500x           1.00',
      '  weft: 3 kernel calls of 2 pipelines; temporaries 2.40 MB, at least 2.00 (1.20x); another length: 0 new pipelines',
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
  const versions = { 'peer, 1 thread': 'peer 1.2.3', 'jax-js, 1 thread': 'j' }
  const text = header({ date: new Date(0), machine, peak, roofs, versions, scale: 'tiny', cold: true })
  expect(text).toContain(
    'weft benchmark, 1970-01-01\n  P, 2 cores, linux x64, Node v20.0.0\n  Node runs with --flag, for weft',
  )
  expect(text).toContain('40.0 GFLOP/s on 1 thread, 80.0 on 2; copying 16.0 GB/s')
  expect(text).toContain('roof of wasm, 1 thread: best product 48.8 GFLOP/s, copy 16.0 GB/s')
  expect(text).toContain("with no kernel in the driver's cache")
  expect(text).toContain('peer, 1 thread: peer 1.2.3')
  expect(text).toContain('MEAN NOTHING')
  expect(text).toContain('jax-js runs in Node by stand-ins')
  expect(text).not.toContain('onnxruntime')
})

test('the JSON has a row for each, measured or not', () => {
  const machine = { processor: 'P', cores: 2, node: 'v20.0.0', flags: ['--flag'], system: 'linux x64' }
  const report: unknown = JSON.parse(
    reportJson({ date: '1970-01-01', machine, peak, roofs, cold: true, versions: {}, rows, targets: [] }),
  )
  expect(report).toMatchObject({ machine, peak, roofs, cold: true })
  expect(report).toHaveProperty('rows.0', {
    case: 'matmul 512',
    problem: { kind: 'matmul', n: 512 },
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
    gflops: expect.closeTo(24.4, 1),
    gigabytes: expect.closeTo(0.286, 3),
    facts,
  })
  expect(report).toHaveProperty('rows.3.why', 'no gradients')
})
