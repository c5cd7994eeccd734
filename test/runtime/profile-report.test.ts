import { expect, test } from 'vitest'
import { chromeTrace } from '../../src/runtime/chrome-trace.ts'
import type { KernelTime } from '../../src/runtime/device.ts'
import { profileTable } from '../../src/runtime/profile-table.ts'

const TIMES: readonly KernelTime[] = [
  {
    label: 'q = matmul x wq',
    kernel: 'matmul_f32',
    start: 0,
    nanoseconds: 3_000_000,
    flops: 9_000_000,
    bytes: 600_000,
  },
  { label: 'n = norm x', kernel: 'rms_norm', start: 3_000_500, nanoseconds: 1_000_000, flops: 0, bytes: 250_000 },
  {
    label: 'k = matmul x wk',
    kernel: 'matmul_f32',
    start: 4_000_500,
    nanoseconds: 1_000_000,
    flops: 3_000_000,
    bytes: 0,
  },
  { label: 'noop', kernel: 'noop', start: 5_000_500, nanoseconds: 0, flops: 10, bytes: 10 },
]

test('the table sums by kernel, longest first, with rates where they are known', () => {
  expect(`\n${profileTable(TIMES)}\n`).toBe(`
kernel      count  total ms   share  GFLOP/s  GB/s
matmul_f32      2     4.000   80.0%     3.00  0.15
rms_norm        1     1.000   20.0%        -  0.25
noop            1     0.000    0.0%        -     -
total           4     5.000  100.0%     2.40  0.17
`)
})

test('the table can sum by label', () => {
  const lines = profileTable(TIMES, 'label').split('\n')
  expect(lines.map((line) => line.slice(0, 15).trimEnd())).toEqual([
    'label',
    'q = matmul x wq',
    'k = matmul x wk',
    'n = norm x',
    'noop',
    'total',
  ])
})

test('a table of nothing has a heading and a total of zero', () => {
  expect(profileTable([])).toBe(
    'kernel  count  total ms  share  GFLOP/s  GB/s\ntotal       0     0.000   0.0%        -     -',
  )
})

test('the trace is JSON that Chrome and Perfetto read: complete events in microseconds', () => {
  const trace: unknown = JSON.parse(JSON.stringify(chromeTrace(TIMES, 'wasm', 'train step')))
  expect(trace).toMatchObject({
    displayTimeUnit: 'ns',
    traceEvents: [
      { name: 'process_name', ph: 'M', args: { name: 'train step' } },
      { name: 'thread_name', ph: 'M', args: { name: 'wasm' } },
      { name: 'q = matmul x wq', cat: 'matmul_f32', ph: 'X', ts: 0, dur: 3000, args: { 'GFLOP/s': 3, 'GB/s': 0.2 } },
      { name: 'n = norm x', ts: 3000.5, dur: 1000, args: { flops: 0, bytes: 250_000, 'GB/s': 0.25 } },
      { name: 'k = matmul x wk' },
      { name: 'noop', dur: 0, args: { kernel: 'noop', flops: 10, bytes: 10 } },
    ],
  })
})
