import { expect, test } from 'vitest'
import { median, quantile, spread } from '../../bench/statistics.ts'

test('the median is the middle one, or between the two middle ones', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
  expect(median([7])).toBe(7)
})

test('quantiles lie between neighbours linearly, whatever the order', () => {
  const sample = [10, 0, 20, 30, 40, 50, 60, 70, 80, 90, 100]
  expect(spread(sample)).toEqual({ p10: 10, p90: 90 })
  expect(quantile(sample, 0.25)).toBe(25)
  expect(quantile(sample, 1)).toBe(100)
})

test('there is no median of nothing', () => {
  expect(() => median([])).toThrow(RangeError)
})
