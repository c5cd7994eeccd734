import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'
import { expectClose, read, shapes, toInts, toTensor, whole } from './arrays.ts'

/** Stable order of a row, NaN last. */
function order(row: readonly number[], descending = false): number[] {
  const before = (a: number, b: number): number =>
    Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : descending ? b - a : a - b
  return row.map((_, i) => i).sort((i, j) => before(row[i]!, row[j]!) || i - j)
}

const element = fc.oneof(
  fc.integer({ min: -2, max: 2 }),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, -0),
  fc.float({ noNaN: true }),
)
const rows = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 7 }))
  .chain(([m, n]) =>
    fc
      .array(fc.array(element, { minLength: n, maxLength: n }), { minLength: m, maxLength: m })
      .map((list) => ({ n, list })),
  )

const table = (list: readonly (readonly number[])[], n: number): w.Tensor =>
  w.tensor(Float32Array.from(list.flat()), { shape: [list.length, n] })

describe('argsort, sort, topK', () => {
  test('sort rows stably, NaN last, both ways', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.boolean(), async ({ list, n }, descending) => {
        const x = table(list, n)
        const want = list.map((row) => order(row, descending))
        expect((await read(w.argsort(x, -1, { descending }))).data).toEqual(want.flat())
        const sorted = (await read(w.sort(x, -1, { descending }))).data
        const rounded = list.map((row) => row.map(Math.fround))
        expect(sorted).toEqual(want.flatMap((perm, r) => perm.map((i) => rounded[r]![i])))
      }),
      { numRuns: 80 },
    )
  })

  test('topK gives the first k of the descending order', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.nat(7), async ({ list, n }, count) => {
        const k = Math.min(count, n)
        const { values, indices } = w.topK(table(list, n), k)
        const want = list.map((row) => order(row, true).slice(0, k))
        expect(await read(indices)).toEqual({ shape: [list.length, k], data: want.flat() })
        expect((await read(values)).data).toEqual(want.flatMap((top, r) => top.map((i) => Math.fround(list[r]![i]!))))
      }),
      { numRuns: 60 },
    )
  })

  test('along any axis, of integers and bool', async () => {
    await fc.assert(
      fc.asyncProperty(shapes(3, 1), fc.nat(2), async (shape, pick) => {
        const axis = pick % shape.length
        const x = whole(shape, 4)
        const moved = w.moveAxis(toInts(x), axis, -1)
        const want = await read(w.moveAxis(w.sort(moved), -1, axis))
        await expectClose(w.sort(toInts(x), axis), want)
      }),
      { numRuns: 30 },
    )
    const b = w.tensor([true, false, true, false])
    expect((await read(w.argsort(b))).data).toEqual([1, 3, 0, 2])
    expect(await read(w.sort(b))).toEqual({ shape: [4], data: [0, 0, 1, 1] })
    expect((await read(w.argsort(w.tensor(Uint32Array.of(4294967295, 0, 1))))).data).toEqual([1, 2, 0])
  })

  test('the gradient follows the elements to where they came from', async () => {
    const weights = w.tensor([10, 20, 30])
    const g = w.grad((x: w.Tensor) => w.sum(w.mul(w.sort(x), weights)))(w.tensor([3, 1, 2]))
    expect((await read(g)).data).toEqual([30, 10, 20])
    const top = w.grad((x: w.Tensor) => w.sum(w.topK(x, 2).values))(w.tensor([3, 1, 2]))
    expect((await read(top)).data).toEqual([1, 0, 1])
  })

  test('k must lie within the axis', () => {
    expect(() => w.topK(toTensor(whole([2, 3])), 4)).toThrow(/^topK: 4 of the last axis of \[2,3\]/)
    expect(() => w.topK(w.zeros([]) as w.Tensor, 1)).toThrow(w.ShapeError)
  })
})
