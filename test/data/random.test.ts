import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { epochOrder, Random } from '../../src/data/random.ts'

const draw = (random: Random, n = 8): number[] => Array.from({ length: n }, () => random.bits())

/** xoshiro128** written out a second time, in BigInt, from the authors' C. */
function referenceStream(state: readonly number[], n: number): number[] {
  const mask = 0xffffffffn
  const rotate = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask
  const s = state.map((w) => BigInt(w >>> 0))
  return Array.from({ length: n }, () => {
    const result = (rotate((s[1]! * 5n) & mask, 7n) * 9n) & mask
    const t = (s[1]! << 9n) & mask
    s[2]! ^= s[0]!
    s[3]! ^= s[1]!
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= t
    s[3] = rotate(s[3]!, 11n)
    return Number(result)
  })
}

describe('Random', () => {
  it('is xoshiro128**', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed)
        expect(draw(random, 20)).toEqual(referenceStream(new Random(seed).save().state, 20))
      }),
      { numRuns: 50 },
    )
  })

  it('gives equal sequences for equal seeds and others for others', () => {
    expect(draw(new Random(7))).toEqual(draw(new Random(7)))
    const streams = [new Random(7), new Random(8), new Random('7'), new Random(7).fork(0), new Random(7).fork('0')]
    expect(new Set(streams.map((r) => draw(r).join())).size).toBe(streams.length)
  })

  it('forks from the seed, not from what was drawn', () => {
    const fresh = new Random(3)
    const used = new Random(3)
    draw(used, 100)
    expect(draw(used.fork('a'))).toEqual(draw(fresh.fork('a')))
    expect(draw(fresh.fork('a').fork('b'))).not.toEqual(draw(fresh.fork('b').fork('a')))
  })

  it('has no equal forks among many', () => {
    const root = new Random(1)
    const first = Array.from({ length: 20_000 }, (_, i) => draw(root.fork(i), 2).join())
    expect(new Set(first).size).toBe(first.length)
  })

  it('goes on where it was saved, forks included', () => {
    const random = new Random(5).fork('training')
    draw(random, 13)
    const restored = Random.restore(JSON.parse(JSON.stringify(random.save())) as ReturnType<Random['save']>)
    expect(draw(restored.fork(1))).toEqual(draw(random.fork(1)))
    expect(draw(restored)).toEqual(draw(random))
  })

  it('is uniform: each of 10 values, over seeds and over draws, within 5 standard deviations', () => {
    const n = 20_000
    const overDraws = new Random(9)
    const sources = [() => overDraws.int(10), (i: number) => new Random(9).fork(i).int(10)]
    for (const source of sources) {
      const counts = new Array<number>(10).fill(0)
      for (let i = 0; i < n; i++) counts[source(i)]!++
      const deviation = Math.sqrt(n * 0.1 * 0.9)
      for (const c of counts) expect(Math.abs(c - n / 10)).toBeLessThan(5 * deviation)
    }
  })

  it('draws normal numbers of mean 0 and deviation 1', () => {
    const random = new Random(2)
    const xs = Array.from({ length: 20_000 }, () => random.normal())
    const mean = xs.reduce((a, b) => a + b) / xs.length
    expect(mean).toBeCloseTo(0, 1)
    expect(xs.reduce((a, x) => a + (x - mean) ** 2, 0) / xs.length).toBeCloseTo(1, 1)
  })

  it('never draws an item of weight 0, and draws the others by weight', () => {
    const random = new Random(4)
    const drawn = Array.from({ length: 4000 }, () => random.weighted(['a', 'b', 'c', 'd'], [0, 1, 3, 0]))
    expect(new Set(drawn)).toEqual(new Set(['b', 'c']))
    expect(drawn.filter((x) => x === 'c').length / drawn.length).toBeCloseTo(0.75, 1)
  })

  it('refuses bounds that hold no integer', () => {
    expect(() => new Random(1).int(0)).toThrow(RangeError)
    expect(() => new Random(1).between(3, 2)).toThrow(RangeError)
    expect(() => new Random(1).pick([])).toThrow(RangeError)
    expect(() => new Random(1).weighted(['a'], [0])).toThrow(RangeError)
  })
})

describe('epochOrder', () => {
  it('visits every sample once, in another order each epoch, the same each run', () => {
    const orders = [0, 1, 2].map((epoch) => epochOrder(50, 1234, epoch))
    for (const order of orders) expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(new Set(orders.map(String)).size).toBe(3)
    expect(epochOrder(50, 1234, 1)).toEqual(orders[1])
    expect(epochOrder(50, 1235, 1)).not.toEqual(orders[1])
  })
})
