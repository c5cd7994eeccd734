import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'
import { threefry2x32 } from '../../src/ir/prims/random.ts'
import { rawOps } from '../../src/ir/raw-ops.ts'
import { read } from './arrays.ts'

const N = 20_000
const values = async (t: w.Tensor): Promise<number[]> => [...(await t.read())]
const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length
const variance = (list: readonly number[]): number => mean(list.map((x) => (x - mean(list)) ** 2))

describe('threefry2x32', () => {
  // Known answers of Random123 1.14 (kat_vectors, threefry2x32 20 rounds): first words.
  const ones = 0xffffffff
  test.each([
    [0, 0, 0, 0, 0x6b200159],
    [ones, ones, ones, ones, 0x1cb996fc],
    [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, 0xc4923a9c],
  ])('key %i %i counter %i %i', (k0, k1, c0, c1, want) => {
    expect(threefry2x32(k0, k1, c0, c1)).toBe(want)
  })

  test('element i is the word of counter i', async () => {
    const bits = await rawOps.randomBits(w.key(0), [3]).read()
    expect([...bits]).toEqual([0, 1, 2].map((i) => threefry2x32(0, 0, i, 0)))
  })
})

describe('keys', () => {
  test('hold the seed in two words, and come from integer tensors too', async () => {
    expect(await values(w.key(2 ** 32 * 5 + 7))).toEqual([5, 7])
    expect(await values(w.key(w.tensor(7, { dtype: 'i32' })))).toEqual(await values(w.key(7)))
    expect(() => w.key(-1)).toThrow(w.ValueError)
    expect(() => w.key(0.5)).toThrow(/^key: the seed 0.5/)
  })

  test('of neighbouring seeds, split or folded, are all different', async () => {
    const keys: string[] = []
    for (let seed = 0; seed < 8; seed++) {
      const k = w.key(seed)
      const { data } = await read(w.splitKey(k, 8))
      for (let i = 0; i < 8; i++) keys.push(`${data[2 * i]},${data[2 * i + 1]}`)
      for (let i = 0; i < 8; i++) keys.push((await values(w.foldIn(k, i))).join())
      keys.push((await values(rawOps.randomBits(k, [2]))).join())
    }
    expect(new Set(keys).size).toBe(keys.length)
  })

  test('several keys give what each gives alone', async () => {
    const keys = w.splitKey(w.key(3), 3)
    for (const draw of [
      (k: w.Tensor) => w.normal(k, [4]),
      (k: w.Tensor) => w.foldIn(k, 5),
      (k: w.Tensor) => w.splitKey(k),
    ]) {
      const each = await Promise.all([0, 1, 2].map((i) => values(draw(w.index(keys, i)))))
      expect(await values(draw(keys))).toEqual(each.flat())
    }
  })

  test('a draw is a function of its key alone', async () => {
    const draw = (seed: number): Promise<number[]> => values(w.normal(w.key(seed), [50]))
    expect(await draw(1)).toEqual(await draw(1))
    expect(await draw(1)).not.toEqual(await draw(2))
  })

  test('the step folded in may be traced', async () => {
    const graph = w.traceGraph((step: w.Tensor) => w.foldIn(w.key(1), step), [w.spec([], 'i32')])
    const [out] = w.evaluate(graph, [{ dtype: 'i32', shape: [], data: Int32Array.of(9) }])
    expect([...out!.data]).toEqual(await values(w.foldIn(w.key(1), 9)))
  })
})

describe('uniform', () => {
  test('fills [0, 1) evenly', async () => {
    const list = await values(w.uniform(w.key(1), [N]))
    expect(Math.min(...list)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...list)).toBeLessThan(1)
    const bins = new Array<number>(10).fill(0)
    for (const x of list) bins[Math.floor(x * 10)]! += 1
    const chiSquared = bins.reduce((s, n) => s + (n - N / 10) ** 2 / (N / 10), 0)
    expect(chiSquared).toBeLessThan(27.9) // 9 degrees of freedom: 0.1 % of draws exceed this
    const neighbours = mean(list.slice(1).map((x, i) => (x - 0.5) * (list[i]! - 0.5)))
    expect(Math.abs(neighbours)).toBeLessThan(4 / 12 / Math.sqrt(N))
  })

  test('never reaches high, which rounding would', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.float({ noNaN: true, min: -1000, max: 1000 }),
        fc.integer({ min: 1, max: 3 }),
        async (low, ulps) => {
          const bits = new Float32Array([Math.abs(low) + 1])
          new Int32Array(bits.buffer)[0]! += ulps
          const [from, to] = [Math.abs(low) + 1, bits[0]!]
          const list = await values(w.uniform(w.key(2), [64], { low: from, high: to }))
          expect(list.every((x) => x >= Math.fround(from) && x < to)).toBe(true)
        },
      ),
      { numRuns: 30 },
    )
    const negative = await values(w.uniform(w.key(2), [500], { low: -1, high: 0 }))
    expect(negative.every((x) => x >= -1 && x < 0)).toBe(true)
    expect(() => w.uniform(w.key(0), [1], { low: 1, high: 1 })).toThrow(/^uniform: low 1, high 1/)
  })
})

test('normal has the moments and the tails of the normal distribution', async () => {
  const list = await values(w.normal(w.key(4), [N]))
  const error = 4 / Math.sqrt(N)
  expect(Math.abs(mean(list))).toBeLessThan(error)
  expect(Math.abs(variance(list) - 1)).toBeLessThan(error * Math.SQRT2)
  expect(Math.abs(mean(list.map((x) => x ** 3)))).toBeLessThan(error * Math.sqrt(15))
  expect(Math.abs(mean(list.map((x) => x ** 4)) - 3)).toBeLessThan(error * Math.sqrt(96))
  expect(Math.abs(mean(list.map((x) => Number(Math.abs(x) > 1.959964))) - 0.05)).toBeLessThan(error * 0.22)
})

describe('choices', () => {
  test('bernoulli holds p, also of a tensor', async () => {
    const drawn = await read(w.bernoulli(w.key(5), w.tensor([0, 0.25, 1]), [N / 10, 3]))
    const column = (j: number): number => mean(drawn.data.filter((_, i) => i % 3 === j))
    expect([column(0), column(2)]).toEqual([0, 1])
    expect(Math.abs(column(1) - 0.25)).toBeLessThan(0.04)
    expect(w.bernoulli(w.key(5), w.zeros([4])).shape).toEqual([4])
    expect(w.bernoulli(w.key(5), 0.5)).toMatchObject({ shape: [], dtype: 'bool' })
  })

  test('categorical draws with probability softmax, never what is -Infinity', async () => {
    const logits = w.broadcastTo(w.tensor([Math.log(1), -Infinity, Math.log(3)]), [6000, 3])
    const list = await values(w.categorical(w.key(6), logits))
    expect(list.includes(1)).toBe(false)
    expect(Math.abs(mean(list.map((i) => Number(i === 2))) - 0.75)).toBeLessThan(0.025)
    expect(w.categorical(w.key(6), logits, 0).shape).toEqual([3])
  })

  test('permutation holds every number once, in another order for another key', async () => {
    const a = await values(w.permutation(w.key(7), 50))
    expect([...a].sort((x, y) => x - y)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(a).not.toEqual(await values(w.permutation(w.key(8), 50)))
    expect(w.permutation(w.key(7), 0).shape).toEqual([0])
  })

  test('dropout zeroes a share of the elements and keeps the mean', async () => {
    const x = w.ones([N])
    const list = await values(w.dropout(w.key(9), x, 0.2))
    expect(new Set(list)).toEqual(new Set([0, 1.25]))
    expect(Math.abs(mean(list) - 1)).toBeLessThan(0.02)
    expect(w.dropout(w.key(9), x, 0)).toBe(x)
    expect(() => w.dropout(w.key(9), x, 1)).toThrow(/^dropout: rate 1\n/)
  })
})
