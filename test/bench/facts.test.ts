import { expect, test } from 'vitest'
import { benchmarkCases } from '../../bench/cases.ts'
import { takesPart } from '../../bench/contenders.ts'
import { openWeft } from '../../bench/implementations/weft.ts'
import { inputsOf } from '../../bench/inputs.ts'
import { atOtherLengths } from '../../bench/problem.ts'
import { whereabouts } from '../../bench/report/estimate.ts'
import { closeDevices } from '../../src/index.ts'

const cases = benchmarkCases('tiny')

test('weft tells what it made of a case', async () => {
  const weft = await openWeft({ device: 'wasm', threads: 1 }, 'weft')
  const { problem } = cases.find(({ name }) => name.startsWith('softmax'))!
  const prepared = await weft.prepare(problem, inputsOf(problem))
  expect(await prepared.facts!()).toMatchObject({ kernelCalls: 1, pipelines: 1, newPipelines: null })
  prepared.dispose()
  closeDevices()
})

test('another length of a problem is another problem with fitting inputs', () => {
  const { problem } = cases.find(({ name }) => name.startsWith('LLaMA'))!
  expect(atOtherLengths(problem)).toMatchObject([{ tokens: 6 }, { tokens: 7 }])
  expect(inputsOf(atOtherLengths(problem)[0]!)['ids']!.shape).toEqual([1, 6])
  expect(atOtherLengths({ kind: 'matmul', n: 4 })).toEqual([])
})

test('attention as plain operations takes part where fused attention is measured, and peers elsewhere', () => {
  const named = (name: string) => cases.filter((what) => takesPart(name, what)).map(({ problem }) => problem.kind)
  expect(new Set(named('weft-unfused'))).toEqual(new Set(['mmca']))
  expect(named('jax-js')).not.toContain('mmca')
  expect(named('jax-js')).not.toContain('visualchat')
  expect(named('weft')).toHaveLength(cases.length)
})

test('the time left is told once a case is done', () => {
  expect(whereabouts(cases, 0, 0)).toBe(`1 of ${cases.length}`)
  expect(whereabouts(cases.slice(0, 4), 2, 10_000)).toBe('3 of 4, 10 s gone, about 10 s left')
})
