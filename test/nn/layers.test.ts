import { describe, expect, test } from 'vitest'
import { arange, cast, mul, ones, sum, tensor, zeros } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { embedding, linear } from '../../src/nn/linear.ts'
import { layerNorm, rmsNorm } from '../../src/nn/norms.ts'
import { applyRope, type RopeOptions, ropeTable } from '../../src/nn/rope.ts'
import { ShapeError } from '../../src/util/errors.ts'
import { apart, randomTensors } from './oracle.ts'

const i32 = (values: number[]): Tensor => tensor(values, { dtype: 'i32' })
const values = async (t: Tensor): Promise<number[]> => Array.from(await t.read())

describe('linear', () => {
  test('weights are [out, in]', async () => {
    const y = linear(tensor([[1, 2]]), {
      weight: tensor([
        [1, 0],
        [0, 1],
        [1, 1],
      ]),
      bias: tensor([10, 20, 30]),
    })
    expect(await values(y)).toEqual([11, 22, 33])
  })

  test('a weight of another width is refused', () => {
    expect(() => linear(zeros([2, 3]), { weight: zeros([3, 4]) })).toThrow(ShapeError)
  })

  test('an embedding is a row of its table', async () => {
    expect(
      await values(
        embedding(i32([2, 0]), {
          weight: tensor([
            [1, 2],
            [3, 4],
            [5, 6],
          ]),
        }),
      ),
    ).toEqual([5, 6, 1, 2])
  })
})

describe('norms', () => {
  const [x, weight, bias] = randomTensors(1, [3, 5], [5], [5]) as [Tensor, Tensor, Tensor]

  test('layerNorm brings each row to mean 0 and variance 1, then scales and shifts', async () => {
    const [rows, w, b] = [await values(x), await values(weight), await values(bias)]
    const expected = [0, 1, 2].flatMap((r) => {
      const row = rows.slice(r * 5, r * 5 + 5)
      const mean = row.reduce((s, v) => s + v, 0) / 5
      const variance = row.reduce((s, v) => s + (v - mean) ** 2, 0) / 5
      return row.map((v, i) => ((v - mean) / Math.sqrt(variance + 1e-3)) * w[i]! + b[i]!)
    })
    expect(apart(await values(layerNorm(x, { weight, bias }, 1e-3)), expected)).toBeLessThan(1e-6)
  })

  test('rmsNorm divides by the root mean square', async () => {
    const [rows, w] = [await values(x), await values(weight)]
    const expected = [0, 1, 2].flatMap((r) => {
      const row = rows.slice(r * 5, r * 5 + 5)
      const rms = Math.sqrt(row.reduce((s, v) => s + v * v, 0) / 5 + 1e-3)
      return row.map((v, i) => (v / rms) * w[i]!)
    })
    expect(apart(await values(rmsNorm(x, { weight }, 1e-3)), expected)).toBeLessThan(1e-6)
  })

  test('statistics are in f32: the square of a large f16 does not overflow', async () => {
    const half = cast(tensor([[1000, -1000, 1000, -1000]]), 'f16')
    const weight16 = ones([4], 'f16')
    for (const y of [
      rmsNorm(half, { weight: weight16 }, 1e-6),
      layerNorm(half, { weight: weight16, bias: zeros([4], 'f16') }, 1e-6),
    ]) {
      expect(y.dtype).toBe('f16')
      expect(await values(cast(y, 'f32'))).toEqual([1, -1, 1, -1])
    }
  })
})

describe('rope', () => {
  const E = 8
  const plain: RopeOptions = { theta: 10000 }
  const angles = async (positions: number[], options: RopeOptions): Promise<{ cos: number[]; sin: number[] }> => {
    const table = ropeTable(i32(positions), E, options)
    return { cos: await values(table.cos), sin: await values(table.sin) }
  }
  const cosines = (positions: number[], theta = 10000): number[] =>
    positions.flatMap((p) => [0, 1, 2, 3].map((i) => Math.cos(p * theta ** ((-2 * i) / E))))

  test('pairs are (i, i + E/2), turned by p theta^(-2i/E)', async () => {
    const [x] = randomTensors(2, [1, 1, 1, E]) as [Tensor]
    const [a, got] = [await values(x), await values(applyRope(x, ropeTable(i32([5]), E, plain)))]
    for (let i = 0; i < E / 2; i++) {
      const angle = 5 * 10000 ** ((-2 * i) / E)
      expect(got[i]).toBeCloseTo(a[i]! * Math.cos(angle) - a[i + 4]! * Math.sin(angle), 5)
      expect(got[i + 4]).toBeCloseTo(a[i + 4]! * Math.cos(angle) + a[i]! * Math.sin(angle), 5)
    }
  })

  test('scores depend on the distance alone', async () => {
    const [q, k] = randomTensors(3, [1, 1, 1, E], [1, 1, 1, E]) as [Tensor, Tensor]
    const score = (p: number, r: number): Promise<number> =>
      sum(mul(applyRope(q, ropeTable(i32([p]), E, plain)), applyRope(k, ropeTable(i32([r]), E, plain)))).item()
    expect(await score(13, 9)).toBeCloseTo(await score(104, 100), 4)
  })

  test('angles far beyond a turn stay as accurate as f32 positions allow', async () => {
    const positions = [1, 100, 4095, 100000]
    const { cos } = await angles(positions, plain)
    const exact = cosines(positions)
    // The angle itself is rounded to f32 before it is reduced: 6e-8 of it.
    cos.forEach((c, i) => expect(Math.abs(c - exact[i]!)).toBeLessThan(1e-6 + positions[Math.floor(i / 4)]! * 1.2e-7))
  })

  test('linear scaling divides positions', async () => {
    const { cos } = await angles([6], { ...plain, scaling: { type: 'linear', factor: 4 } })
    expect(apart(cos, cosines([1.5]))).toBeLessThan(1e-6)
  })

  test('dynamic scaling changes the base past maxPositions, for a known and for a traced length alike', async () => {
    const scaling = { type: 'dynamic', factor: 2, maxPositions: 16 } as const
    for (const length of [1, 16, 17, 40]) {
      const base = length > 16 ? 10000 * ((2 * length) / 16 - 1) ** (E / (E - 2)) : 10000
      const expected = cosines([3, 15], base)
      expect(apart((await angles([3, 15], { ...plain, scaling, length })).cos, expected)).toBeLessThan(1e-6)
      const traced = { ...plain, scaling, length: tensor(length, { dtype: 'i32' }) }
      expect(apart((await angles([3, 15], traced)).cos, expected)).toBeLessThan(2e-6)
    }
  })

  test("llama3 scaling slows low frequencies, keeps high ones and mixes between, by Hugging Face's formula", async () => {
    const [factor, low, high, trained, theta] = [8, 1, 4, 64, 1000]
    const scaled = [0, 1, 2, 3].map((i) => {
      const frequency = theta ** ((-2 * i) / E)
      const wavelength = (2 * Math.PI) / frequency
      if (wavelength > trained / low) return frequency / factor
      if (wavelength < trained / high) return frequency
      const smooth = (trained / wavelength - low) / (high - low)
      return ((1 - smooth) * frequency) / factor + smooth * frequency
    })
    // One of each kind at least.
    expect(scaled.map((f, i) => f / theta ** ((-2 * i) / E))).toEqual([1, expect.closeTo(0.3616, 3), 1 / 8, 1 / 8])
    const options: RopeOptions = {
      theta,
      scaling: { type: 'llama3', factor, low, high, trainedPositions: trained },
    }
    const expected = [5, 200].flatMap((p) => scaled.map((f) => Math.cos(p * f)))
    expect(apart((await angles([5, 200], options)).cos, expected)).toBeLessThan(2e-6)
  })

  test('positions per sample', async () => {
    const table = ropeTable(
      tensor(
        [
          [0, 1],
          [5, 6],
        ],
        { dtype: 'i32' },
      ),
      E,
      plain,
    )
    expect(table.cos.shape).toEqual([2, 1, 2, 4])
    expect(apart(await values(table.cos), cosines([0, 1, 5, 6]))).toBeLessThan(1e-6)
  })

  test('misuse is refused', () => {
    expect(() => ropeTable(arange(3), 7, plain)).toThrow(ShapeError)
    expect(() => ropeTable(zeros([1, 1, 1], 'i32'), 8, plain)).toThrow(ShapeError)
    const dynamic = { type: 'dynamic', factor: 2, maxPositions: 4 } as const
    expect(() => ropeTable(arange(3), 2, { ...plain, scaling: dynamic })).toThrow(ShapeError)
  })
})
