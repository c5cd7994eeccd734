import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'
import { at, build, expectClose, numbers, read, shapes, toInts, toTensor, whole } from './arrays.ts'

const matrix = numbers([3, 4])

describe('layout', () => {
  test('index is basic indexing', async () => {
    const x = numbers([4, 5, 3])
    const t = toTensor(x)
    await expectClose(
      w.index(t, 1),
      build([5, 3], ([i, j]) => at(x, [1, i!, j!])),
    )
    await expectClose(
      w.index(t, -1, [1, 4], null),
      build([3, 3], ([i, j]) => at(x, [3, i! + 1, j!])),
    )
    await expectClose(
      w.index(t, null, [0, 5, 2], 2),
      build([4, 3], ([i, j]) => at(x, [i!, 2 * j!, 2])),
    )
    await expectClose(
      w.index(t, [-2, 4]),
      build([2, 5, 3], ([i, j, k]) => at(x, [i! + 2, j!, k!])),
    )
    expect(w.index(t)).toBe(t)
    expect(() => w.index(t, 4)).toThrow(/^index: position 4 is outside axis 0 of \[4,5,3\]/)
    expect(() => w.index(t, 0, 0, 0, 0)).toThrow(/^index: 4 items for \[4,5,3\]/)
    expect(() => w.index(t, [2, 9])).toThrow(w.ShapeError)
  })

  test('is and like state a shape, and are the identity', () => {
    const x = w.zeros([2, 3, 2])
    expect(w.is(x, 'B', 3, 'B')).toBe(x)
    expect(w.is(w.zeros([]))).toMatchObject({ shape: [] })
    expect(w.like(x, w.ones([2, 3, 2]))).toBe(x)
    expect(() => w.is(x, 'B', 'B', 2)).toThrow(/^is: expected \[B,B,2\], got \[2,3,2\]/)
    expect(() => w.is(x, 2, 3)).toThrow(w.ShapeError)
    expect(() => w.like(x, w.ones([2, 3]))).toThrow(/^like: \[2,3,2\] is not \[2,3\]/)
  })

  test('reshape works out a dimension of -1', () => {
    expect(w.reshape(w.zeros([2, 6]), [3, -1]).shape).toEqual([3, 4])
    expect(w.reshape(w.zeros([0, 6]), [0, 6]).shape).toEqual([0, 6])
    expect(() => w.reshape(w.zeros([5]), [2, -1])).toThrow(w.ShapeError)
  })

  test('moveAxis, expandDims, squeeze', () => {
    const x = w.zeros([2, 3, 4])
    expect(w.moveAxis(x, 0, -1).shape).toEqual([3, 4, 2])
    expect(w.moveAxis(x, -1, 0).shape).toEqual([4, 2, 3])
    expect(w.expandDims(x, [0, -1]).shape).toEqual([1, 2, 3, 4, 1])
    expect(w.squeeze(w.expandDims(x, 1), 1).shape).toEqual([2, 3, 4])
    expect(() => w.squeeze(w.zeros([2, 1]) as w.Tensor, 0)).toThrow(/^squeeze: axis 0 of \[2,1\] has size 2/)
  })

  test('flip and pad', async () => {
    await expectClose(
      w.flip(toTensor(matrix), 1),
      build([3, 4], ([i, j]) => at(matrix, [i!, 3 - j!])),
    )
    const padded = w.pad(w.tensor([1, 2]), [1], [2], { value: 9, interior: [1] })
    expect((await read(padded)).data).toEqual([9, 1, 9, 2, 9, 9])
  })

  test('tile and repeat', async () => {
    await fc.assert(
      fc.asyncProperty(shapes(3, 1), fc.integer({ min: 0, max: 3 }), async (shape, count) => {
        const x = numbers(shape)
        const last = shape.length - 1
        const n = shape[last]!
        const counts = shape.map((_, a) => (a === last ? count : 1))
        const grown = shape.with(last, n * count)
        await expectClose(
          w.tile(toTensor(x), counts),
          build(grown, (i) => at(x, i.with(last, i[last]! % n))),
        )
        await expectClose(
          w.repeat(toTensor(x), count, last),
          build(grown, (i) => at(x, i.with(last, Math.floor(i[last]! / count)))),
        )
      }),
      { numRuns: 40 },
    )
  })
})

describe('joining and splitting', () => {
  test('split undoes concat, for any sizes and axis', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 0, max: 2 }), async (parts, axis) => {
        const plain = parts.map((n, i) => numbers([2, 3, 2].with(axis, n), i + 1))
        const whole = w.concat(plain.map(toTensor), axis)
        expect(whole.shape[axis]).toBe(parts.reduce((a, b) => a + b))
        const back = w.split(whole, parts, axis)
        await Promise.all(back.map((t, i) => expectClose(t, plain[i]!)))
      }),
      { numRuns: 40 },
    )
  })

  test('stack adds an axis; split into equal parts', async () => {
    const [a, b] = [numbers([2, 3], 1), numbers([2, 3], 2)]
    const stacked = w.stack([toTensor(a), toTensor(b)], -1)
    await expectClose(
      stacked,
      build([2, 3, 2], ([i, j, k]) => at(k === 0 ? a : b, [i!, j!])),
    )
    expect(w.split(w.zeros([6, 2]), 3).map((t) => t.shape)).toEqual([
      [2, 2],
      [2, 2],
      [2, 2],
    ])
    expect(() => w.split(w.zeros([5]), 2)).toThrow(/^split: axis 0 of \[5\] into 2 equal parts/)
    expect(() => w.split(w.zeros([5]), [2, 2])).toThrow(/^split: axis 0 of \[5\] into \[2,2\]/)
    expect(() => w.stack([])).toThrow(/^stack: no tensors given/)
  })
})

describe('indexing', () => {
  test('take replaces an axis by the axes of the indices, clamped', async () => {
    const indices = { shape: [2, 2], data: [0, 2, 9, 1] }
    const row = (i: number, j: number): number => Math.min(indices.data[i * 2 + j]!, 2)
    await expectClose(
      w.take(toTensor(matrix), toInts(indices)),
      build([2, 2, 4], ([i, j, k]) => at(matrix, [row(i!, j!), k!])),
    )
    await expectClose(
      w.take(toTensor(matrix), w.tensor(3, { dtype: 'i32' }), -1),
      build([3], ([i]) => at(matrix, [i!, 3])),
    )
  })

  test('takeAlongAxis has an index of its own for every position', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.integer({ min: 1, max: 4 }), async (axis, m) => {
        const x = numbers([3, 2, 4])
        const indices = whole([3, 2, 4].with(axis, m), 7, x.shape[axis]!)
        const want = build(indices.shape, (i) => at(x, i.with(axis, at(indices, i))))
        await expectClose(w.takeAlongAxis(toTensor(x), toInts(indices), axis), want)
        await expectClose(w.takeAlongAxis(toTensor(x), toInts(indices), axis - 3), want)
      }),
      { numRuns: 30 },
    )
    const broadcast = w.takeAlongAxis(toTensor(matrix), w.tensor([[1], [0], [2]], { dtype: 'i32' }), 0)
    await expectClose(
      broadcast,
      build([3, 4], ([i, j]) => at(matrix, [[1, 0, 2][i!]!, j!])),
    )
  })

  test('gather with batch axes, and scatterAdd as its transpose', async () => {
    const x = numbers([2, 3, 4])
    const indices = { shape: [2, 2], data: [2, 0, 1, 1] }
    const picked = build([2, 2, 4], ([b, i, q]) => at(x, [b!, at(indices, [b!, i!]), q!]))
    await expectClose(w.gather(toTensor(x), toInts(indices), { axis: 1, batch: 1 }), picked)
    const updates = numbers([2, 2, 4], 3)
    const added = build([2, 3, 4], ([b, n, q]) =>
      [0, 1].reduce((s, i) => s + (at(indices, [b!, i]) === n ? at(updates, [b!, i, q!]) : 0), at(x, [b!, n!, q!])),
    )
    await expectClose(w.scatterAdd(toTensor(x), toInts(indices), toTensor(updates), { axis: 1, batch: 1 }), added)
  })

  test('dynamic windows start at numbers or scalars, moved inside', async () => {
    const t = toTensor(matrix)
    const at23 = build([2, 2], ([i, j]) => at(matrix, [i! + 1, j! + 2]))
    await expectClose(w.dynamicSlice(t, [1, 2], [2, 2]), at23)
    await expectClose(w.dynamicSlice(t, [w.tensor(7, { dtype: 'i32' }), 9], [2, 2]), at23)
    await expectClose(w.dynamicSlice(t, w.tensor([1, 2], { dtype: 'i32' }), [2, 2]), at23)
    expect(await w.dynamicSlice(w.tensor(5), [], []).item()).toBe(5)
    const replaced = w.dynamicUpdateSlice(t, w.zeros([1, 2]), [0, 3])
    await expectClose(
      replaced,
      build([3, 4], ([i, j]) => (i === 0 && j! >= 2 ? 0 : at(matrix, [i!, j!]))),
    )
  })

  test('oneHot, zeros out of range', async () => {
    const hot = w.oneHot(w.tensor([2, -1, 0], { dtype: 'i32' }), 3)
    expect(await read(hot)).toEqual({ shape: [3, 3], data: [0, 0, 1, 0, 0, 0, 1, 0, 0] })
    expect(w.oneHot(w.arange(2), 2, 'bool').dtype).toBe('bool')
    expect(() => w.oneHot(w.zeros([2]) as w.Tensor, 3)).toThrow(/^oneHot: takes i32, u32, got f32\[2\]/)
  })
})
