import { expect, test } from 'vitest'
import { benchmarkCases } from '../../bench/cases.ts'
import { inputsOf } from '../../bench/inputs.ts'

test('inputs are the same numbers each time, and fit their shapes', () => {
  for (const { problem } of benchmarkCases('tiny')) {
    const inputs = inputsOf(problem)
    expect(inputsOf(problem)).toEqual(inputs)
    for (const { shape, data } of Object.values(inputs)) expect(data).toHaveLength(shape.reduce((a, b) => a * b, 1))
  }
})

test('arrays of one case differ', () => {
  const { a, b } = inputsOf({ kind: 'matmul', n: 4 })
  expect(a!.data).not.toEqual(b!.data)
  expect(Math.max(...a!.data)).toBeLessThan(1)
})

test('a decoder is given ids and labels within its vocabulary', () => {
  const problem = benchmarkCases('tiny').find(({ name }) => name.startsWith('LLaMA'))!.problem
  const { ids, labels } = inputsOf(problem)
  for (const array of [ids!, labels!]) {
    expect(array.data).toBeInstanceOf(Int32Array)
    expect(Math.min(...array.data)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...array.data)).toBeLessThan(32)
  }
})
