import { expect, test } from 'vitest'
import { benchmarkCases } from '../../bench/cases.ts'
import type { ProgramFacts } from '../../bench/implementation.ts'
import { targetTable, type Verdict, verdicts } from '../../bench/report/targets.ts'
import { measuredRow, otherRow, type Row } from '../../bench/row.ts'
import { fakeContender } from './fake-contender.ts'

const caseNamed = (start: string) => benchmarkCases('full').find(({ name }) => name.startsWith(start))!

interface Given {
  readonly device?: string
  readonly threads?: number
  readonly firstCall?: number
  readonly facts?: ProgramFacts
}

function row(start: string, name: string, time: number, given: Given = {}): Row {
  const { device = 'webgpu', threads = 1, firstCall = 1, facts = null } = given
  const by = { ...fakeContender({ name }), device, threads, script: device !== 'cpu' }
  return measuredRow(caseNamed(start), by, { times: [time], firstCall, facts })
}

const verdict = (found: readonly Verdict[], what: string): Verdict | undefined => found.find((one) => one.what === what)

const facts = (given: Partial<ProgramFacts>): ProgramFacts => ({
  kernelCalls: 1,
  pipelines: 1,
  plannedBytes: 1e6,
  livenessBytes: 1e6,
  newPipelines: 0,
  ...given,
})

test('the fastest peer of the same kind decides; native code is no such peer', () => {
  const rows = [
    row('softmax', 'weft', 5),
    row('softmax', 'jax-js', 20),
    row('softmax', 'onnxruntime-node', 14),
    row('softmax', 'PyTorch', 1, { device: 'cpu', threads: 2 }),
  ]
  expect(verdicts('webgpu', { rows, cold: true })).toEqual([
    {
      what: 'softmax',
      target: '>= 3x the best peer',
      found: '2.80x (onnxruntime-node 14.0, weft 5.00 ms)',
      state: 'not reached',
    },
  ])
})

test('threads are equal on both sides, and the worst number of threads counts', () => {
  const threads = (count: number) => ({ device: 'wasm', threads: count })
  const rows = [
    row('softmax', 'weft', 10, threads(1)),
    row('softmax', 'weft', 8, threads(2)),
    row('softmax', 'jax-js', 30, threads(1)),
    row('softmax', 'jax-js', 12, threads(2)),
  ]
  expect(verdicts('wasm', { rows, cold: true })[0]).toMatchObject({
    found: '1.50x (jax-js 12.0, weft 8.00 ms, 2 threads)',
    state: 'reached',
  })
})

test('a peer that was not measured leaves the target open', () => {
  const what = caseNamed('matmul 1024')
  const rows = [row('matmul 1024', 'weft', 1), otherRow(what, fakeContender({ name: 'jax-js' }), 'missing', 'why')]
  expect(verdict(verdicts('webgpu', { rows, cold: true }), 'product 1024')).toMatchObject({
    found: '-',
    state: 'not measured',
  })
})

test('kernels, and the first call if the driver was cold', () => {
  const name = 'LLaMA 2x256, 128 tokens: gradient and AdamW'
  const rows = [
    row(name, 'weft', 10, { firstCall: 4000, facts: facts({ kernelCalls: 81 }) }),
    row(name, 'jax-js', 50, { firstCall: 100_000 }),
  ]
  const cold = verdicts('webgpu', { rows, cold: true })
  expect(verdict(cold, 'LLaMA gradient and AdamW')).toMatchObject({ state: 'reached' })
  expect(verdict(cold, 'LLaMA gradient and AdamW: kernels')).toMatchObject({ found: '81', state: 'not reached' })
  const start = 'LLaMA gradient and AdamW: first call, cold'
  expect(verdict(cold, start)).toMatchObject({ found: '25.0x (100 and 4.00 s)', state: 'reached' })
  expect(verdict(verdicts('webgpu', { rows, cold: false }), start)).toMatchObject({ state: 'not measured' })
})

test('memory and pipelines are judged by the worst case', () => {
  const rows = [
    row('softmax', 'weft', 1, { facts: facts({ plannedBytes: 1.2e6 }) }),
    row('attention', 'weft', 1, { facts: facts({ newPipelines: 2 }) }),
    row('matmul 512', 'weft', 1, { facts: facts({ plannedBytes: 256, livenessBytes: 4, newPipelines: null }) }),
  ]
  const found = verdicts('webgpu', { rows, cold: true })
  expect(verdict(found, 'planned memory, worst case')).toMatchObject({
    found: '1.20x (softmax 1024x1024)',
    state: 'not reached',
  })
  expect(verdict(found, 'another sequence length, worst case')).toMatchObject({
    found: '2 (attention, no mask, 8x512x64)',
    state: 'not reached',
  })
})

test('a ratio without a target is stated, and nothing is said of cases that were not run', () => {
  const rows = [row('MMCA 8x512x64: forward', 'weft', 10), row('MMCA 8x512x64: forward', 'weft-unfused', 30)]
  const found = verdicts('webgpu', { rows, cold: true })
  expect(found).toMatchObject([{ what: 'MMCA 512, forward', state: 'stated' }])
  expect(targetTable(found)).toBe(
    [
      'target             asked for           found',
      'MMCA 512, forward  weft-unfused takes  3.00x (weft-unfused 30.0, weft 10.0 ms)',
    ].join('\n'),
  )
})
