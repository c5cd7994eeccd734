import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'
import {
  at,
  build,
  expectClose,
  indicesOf,
  numbers,
  type Plain,
  read,
  shapes,
  toInts,
  toTensor,
  whole,
} from './arrays.ts'

/** A shape with some of its axes. */
const shapeAndAxes = shapes(4, 1).chain((shape) =>
  fc.record({ shape: fc.constant(shape), axes: fc.subarray(shape.map((_, a) => a)) }),
)

/** f of the elements over `axes`, by loops. */
function reduced(x: Plain, axes: readonly number[], f: (elements: number[]) => number): Plain {
  const kept = x.shape.map((_, a) => a).filter((a) => !axes.includes(a))
  const over = axes.map((a) => x.shape[a]!)
  return build(
    kept.map((a) => x.shape[a]!),
    (index) => {
      const elements = indicesOf(over).map((inner) => {
        const full = x.shape.map((_, a) => (axes.includes(a) ? inner[axes.indexOf(a)]! : index[kept.indexOf(a)]!))
        return at(x, full)
      })
      return f(elements)
    },
  )
}

const total = (list: number[]): number => list.reduce((a, b) => a + b, 0)
const average = (list: number[]): number => total(list) / list.length

describe('reductions over any axes', () => {
  const cases: readonly [string, (x: w.Tensor, axes: number[]) => w.Tensor, (list: number[]) => number][] = [
    ['sum', w.sum, total],
    ['max', w.max, (list) => Math.max(...list)],
    ['min', w.min, (list) => Math.min(...list)],
    ['mean', w.mean, average],
    ['variance', w.variance, (list) => average(list.map((v) => (v - average(list)) ** 2))],
    ['logsumexp', w.logsumexp, (list) => Math.log(total(list.map(Math.exp)))],
  ]
  test.each(cases)('%s', async (_, f, reference) => {
    await fc.assert(
      fc.asyncProperty(shapeAndAxes, async ({ shape, axes }) => {
        const x = numbers(shape)
        await expectClose(f(toTensor(x), axes), reduced(x, axes, reference))
      }),
      { numRuns: 40 },
    )
  })

  test('any and all', async () => {
    await fc.assert(
      fc.asyncProperty(shapeAndAxes, async ({ shape, axes }) => {
        const x = whole(shape, 3, 2)
        const b = w.ne(toTensor(x), 0)
        await expectClose(
          w.any(b, axes),
          reduced(x, axes, (list) => Number(list.some((v) => v !== 0))),
        )
        await expectClose(
          w.all(b, axes),
          reduced(x, axes, (list) => Number(list.every((v) => v !== 0))),
        )
      }),
      { numRuns: 30 },
    )
  })

  test('keepDims keeps axes of size 1, negative axes count from the end, no axes means all', () => {
    const x = w.ones([2, 3, 4])
    expect(w.sum(x, -1, { keepDims: true }).shape).toEqual([2, 3, 1])
    expect(w.mean(x, [0, -1]).shape).toEqual([3])
    expect(w.variance(x, undefined, { keepDims: true }).shape).toEqual([1, 1, 1])
    expect(w.argmax(x, 1, { keepDims: true }).shape).toEqual([2, 1, 4])
    expect(w.max(x).shape).toEqual([])
  })

  test('mean and variance of f16 do not overflow, and correction divides by n - 1', async () => {
    const big = w.full([4], 60000, 'f16')
    expect(await w.mean(big).item()).toBe(60000)
    expect(await w.variance(big).item()).toBe(0)
    expect(await w.variance(w.tensor([1, 2, 3, 4]), 0, { correction: 1 }).item()).toBeCloseTo(5 / 3, 6)
  })
})

describe('argmax and argmin', () => {
  test('give the first of equal extrema', async () => {
    await fc.assert(
      fc.asyncProperty(shapes(3, 1), fc.nat(2), async (shape, pick) => {
        const axis = pick % shape.length
        fc.pre(shape[axis] !== 0)
        const x = whole(shape, 5)
        await expectClose(
          w.argmax(toTensor(x), axis),
          reduced(x, [axis], (l) => l.indexOf(Math.max(...l))),
        )
        await expectClose(
          w.argmin(toInts(x), axis),
          reduced(x, [axis], (l) => l.indexOf(Math.min(...l))),
        )
      }),
      { numRuns: 40 },
    )
  })

  test('NaN counts as extremum; an empty axis has none', async () => {
    const x = w.tensor([1, Number.NaN, 3, Number.NaN])
    expect(await w.argmax(x).item()).toBe(1)
    expect(await w.argmin(x).item()).toBe(1)
    expect(w.argmax(x).dtype).toBe('i32')
    expect(() => w.argmax(w.zeros([2, 0]))).toThrow(/^argmax: axis 1 of \[2,0\] is empty/)
  })
})

describe('softmax', () => {
  const softmax = (list: number[]): number[] => list.map((v) => Math.exp(v) / total(list.map(Math.exp)))

  test('along any axis, with its logarithm', async () => {
    const x = numbers([3, 4, 2])
    for (const axis of [0, 1, 2, -1]) {
      const a = axis < 0 ? axis + 3 : axis
      const want = build(x.shape, (index) => {
        const line = Array.from({ length: x.shape[a]! }, (_, i) => at(x, index.with(a, i)))
        return softmax(line)[index[a]!]!
      })
      await expectClose(w.softmax(toTensor(x), axis), want)
      await expectClose(w.exp(w.logSoftmax(toTensor(x), axis)), want)
    }
  })

  test('does not overflow, and leaves out what is -Infinity', async () => {
    expect(await read(w.softmax(w.tensor([1000, 1000])))).toEqual({ shape: [2], data: [0.5, 0.5] })
    expect(await read(w.softmax(w.tensor([-Infinity, 0])))).toEqual({ shape: [2], data: [0, 1] })
    await expectClose(w.logSoftmax(w.tensor([0, -1000])), { shape: [2], data: [0, -1000] })
    await expectClose(w.logsumexp(w.tensor([1000, 1000])), { shape: [], data: [1000 + Math.LN2] })
    expect(await w.logsumexp(w.tensor([-Infinity, -Infinity])).item()).toBe(-Infinity)
    expect(await w.logsumexp(w.tensor([Infinity, 0])).item()).toBe(Infinity)
  })

  test('has the gradient of softmax though the shift carries none', async () => {
    const x = w.tensor([0.5, -1, 2])
    const g = w.grad((t: w.Tensor) => w.logsumexp(t))(x)
    await expectClose(g, await read(w.softmax(x)))
  })
})

test('cumsum runs along an axis, from the end if reversed', async () => {
  const x = w.tensor([
    [1, 2, 3],
    [4, 5, 6],
  ])
  expect((await read(w.cumsum(x, 0))).data).toEqual([1, 2, 3, 5, 7, 9])
  expect((await read(w.cumsum(x, -1, { reverse: true }))).data).toEqual([6, 5, 3, 15, 11, 6])
})
