import { expect, test } from 'vitest'
import { differenceOf, relativeError } from '../../bench/compare.ts'

test('errors are relative to the largest number', () => {
  expect(relativeError(Float32Array.of(1, 100.5), Float32Array.of(0.5, 100))).toBeCloseTo(0.005)
  expect(relativeError(Float32Array.of(0), Float32Array.of(0))).toBe(0)
  expect(relativeError(Float32Array.of(Number.NaN), Float32Array.of(0))).toBeNaN()
})

test('what is missing, of another size, far off or no number is told', () => {
  const expected = { loss: Float32Array.of(2) }
  expect(differenceOf({ loss: Float32Array.of(2.001) }, expected)).toBeNull()
  expect(differenceOf({ loss: Float32Array.of(2.01) }, expected)).toBe('wrong result: loss is off by 5.0e-3')
  expect(differenceOf({ loss: Float32Array.of(Number.NaN) }, expected)).toBe('wrong result: loss is off by NaN')
  expect(differenceOf({ loss: new Float32Array(2) }, expected)).toBe('wrong result: loss has 2 numbers, not 1')
  expect(differenceOf({}, expected)).toBe('wrong result: no loss')
})
