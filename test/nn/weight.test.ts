import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dequantised, quantisationError, quantise } from '../../src/data/quantise.ts'
import type { QuantisedMatrix } from '../../src/data/tensor-source.ts'
import { cast, tensor } from '../../src/ir/ops.ts'
import { fromHost, hostArrayOf, type Tensor } from '../../src/ir/tensor.ts'
import { embedding, linear } from '../../src/nn/linear.ts'
import type { QuantisedWeight } from '../../src/nn/quantised.ts'
import { type Weight, weightShape } from '../../src/nn/weight.ts'
import { weightRows } from '../../src/nn/weight-rows.ts'

const numbers = (t: Tensor): number[] => Array.from(hostArrayOf(t, 'test').data)
const values = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * (1 + (i % 3)))
const matrixOf = (O: number, I: number, seed = 1): Tensor => tensor(values(O * I, seed), { shape: [O, I] })

function weightOf({ bits, packed, scales, offsets }: QuantisedMatrix): QuantisedWeight {
  const groups = { scales: fromHost(scales), ...(offsets ? { offsets: fromHost(offsets) } : {}) }
  return bits === 4 ? { int4: fromHost(packed), ...groups } : { int8: fromHost(packed), ...groups }
}

const close = (got: Tensor, wanted: Tensor): void => {
  expect(got.shape).toEqual(wanted.shape)
  const w = numbers(wanted)
  numbers(got).forEach((x, i) => {
    expect(x).toBeCloseTo(w[i]!, 4)
  })
}

/** Each kind of weight with the dense matrix that it stands for. */
function kinds(): readonly (readonly [name: string, weight: Weight, dense: Tensor])[] {
  const dense = matrixOf(6, 64)
  const host = hostArrayOf(dense, 'test')
  const int4 = quantise(host, { bits: 4 })
  const int8 = quantise(host, { bits: 8, group: 16 })
  const offsets = { dtype: 'f32', shape: [6, 2], data: values(12, 4) } as const
  const rowsOf = (from: number, to: number): Tensor =>
    tensor(Float32Array.from(host.data.subarray(from * 64, to * 64)), { shape: [to - from, 64] })
  const [down, up] = [matrixOf(2, 64, 5), matrixOf(6, 2, 6)]
  const adapted = values(6 * 64, 1).map((x, i) => {
    const [o, k] = [Math.floor(i / 64), i % 64]
    return x + 0.5 * [0, 1].reduce((s, r) => s + numbers(up)[o * 2 + r]! * numbers(down)[r * 64 + k]!, 0)
  })
  return [
    ['int4', weightOf(int4), fromHost(dequantised(int4))],
    ['int8', weightOf(int8), fromHost(dequantised(int8))],
    ['int4 with offsets', weightOf({ ...int4, offsets }), fromHost(dequantised({ ...int4, offsets }))],
    ['low rank', { base: dense, down, up, scale: tensor(0.5) }, tensor(adapted, { shape: [6, 64] })],
    ['split', { parts: [rowsOf(0, 1), rowsOf(1, 4), rowsOf(4, 6)] }, dense],
    [
      'split, in part quantised',
      { parts: [weightOf(quantise(hostArrayOf(rowsOf(0, 4), 'test'), { bits: 8, group: 16 })), rowsOf(4, 6)] },
      tensor(Float32Array.from([...dequantised(int8).data.subarray(0, 256), ...host.data.subarray(256)]), {
        shape: [6, 64],
      }),
    ],
  ]
}

describe.each(kinds())('a weight: %s', (_, weight, dense) => {
  test('multiplies as the matrix that it stands for', () => {
    const x = tensor(values(2 * 3 * 64, 2), { shape: [2, 3, 64] })
    close(linear(x, { weight }), linear(x, { weight: dense }))
  })

  test.each([
    [0, 6],
    [0, 1],
    [2, 5],
    [5, 6],
  ] as const)('rows %i to %i of it are those of the matrix', (from, to) => {
    const x = tensor(values(2 * 64, 2), { shape: [2, 64] })
    const rows = weightRows(weight, from, to)
    expect(weightShape(rows)).toEqual([to - from, 64])
    close(linear(x, { weight: rows }), linear(x, { weight: weightRows(dense, from, to) }))
  })

  test('is looked up as the matrix that it stands for', () => {
    const ids = tensor(
      [
        [0, 5, 3],
        [4, 1, 2],
      ],
      { dtype: 'i32' },
    )
    close(embedding(ids, { weight }), embedding(ids, { weight: dense }))
  })

  test('says what does not fit', () => {
    expect(() => linear(tensor([[1, 2, 3]]), { weight })).toThrow(/linear: \[1,3\] by a weight of \[6,64\]/)
  })
})

test('a weight of f16 multiplies f32', () => {
  const x = tensor([[1, 2]])
  expect(linear(x, { weight: tensor([[1, 0.5]], { dtype: 'f16' }) }).dtype).toBe('f32')
})

test('a table and its adapter may be of f16', () => {
  const [base, down, up] = [matrixOf(3, 4), matrixOf(1, 4, 2), matrixOf(3, 1, 3)].map((x) => cast(x, 'f16'))
  const weight = { base: base!, down: down!, up: up!, scale: tensor(2) }
  const rows = embedding(tensor([2, 0], { dtype: 'i32' }), { weight })
  expect({ dtype: rows.dtype, shape: rows.shape }).toEqual({ dtype: 'f16', shape: [2, 4] })
})

test('words and scales that do not fit are named', () => {
  const weight = {
    int4: tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: 'i32' },
    ),
    scales: tensor([[1, 2, 3]]),
  }
  expect(() => linear(tensor([[1]]), { weight })).toThrow(/a weight of 4 bits: words \[2,2\] with scales \[1,3\]/)
})

describe('quantise', () => {
  const anyMatrix = fc
    .tuple(fc.constantFrom(4 as const, 8 as const), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }))
    .chain(([bits, O, groups]) =>
      fc
        .array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
          minLength: O * groups * 32,
          maxLength: O * groups * 32,
        })
        .map((data) => ({
          bits,
          array: { dtype: 'f32', shape: [O, groups * 32], data: new Float32Array(data) } as const,
        })),
    )

  test('errs by half a step at most, by one at the end of 4 bits that has no value of its own', () => {
    fc.assert(
      fc.property(anyMatrix, ({ bits, array }) => {
        const q = quantise(array, { bits })
        dequantised(q).data.forEach((x, i) => {
          const step = Math.abs(q.scales.data[Math.floor(i / 32)]!)
          expect(Math.abs(x - array.data[i]!)).toBeLessThanOrEqual((bits === 4 ? 1 : 0.5) * step * (1 + 1e-5))
        })
      }),
    )
  })

  test('fits scales that err less, where cutting off outermost weights pays', () => {
    const matrix = hostArrayOf(matrixOf(8, 128, 3), 'test')
    for (const bits of [4, 8] as const) {
      const whole = quantisationError(matrix, quantise(matrix, { bits }))
      const fitted = quantisationError(matrix, quantise(matrix, { bits, scales: 'fitted' }))
      expect(fitted.relative).toBeLessThan(whole.relative)
    }
  })

  test('tells its error', () => {
    const matrix = { dtype: 'f32', shape: [1, 32], data: new Float32Array(32).fill(-8) } as const
    const quantised = quantise(matrix, { bits: 4 })
    expect(quantisationError(matrix, quantised)).toEqual({ relative: 0, greatest: 0 })
    const other = { ...matrix, data: matrix.data.map((x, i) => (i === 5 ? x - 2 : x)) }
    expect(quantisationError(other, quantised).greatest).toBe(2)
    expect(quantisationError(other, quantised).relative).toBeCloseTo(Math.sqrt(4 / (31 * 64 + 100)), 12)
    expect(() => quantisationError({ ...matrix, shape: [32, 1] }, quantised)).toThrow(/\[32,1\] and .* \[1,32\]/)
  })

  test('keeps what is representable', () => {
    const data = Float32Array.from({ length: 64 }, (_, i) => 0.25 * ((i % 16) - 8))
    const array = { dtype: 'f32', shape: [2, 32], data } as const
    expect(dequantised(quantise(array, { bits: 4 })).data).toEqual(data)
  })

  test('refuses widths that no group divides, and what is not finite', () => {
    const array = (data: Float32Array) => ({ dtype: 'f32', shape: [1, data.length], data }) as const
    expect(() => quantise(array(new Float32Array(33)), { bits: 4 })).toThrow(/\[1,33\] to 4 bits in groups of 32/)
    expect(() => quantise(array(new Float32Array(32).fill(Number.NaN)), { bits: 8 })).toThrow(
      /weight 0 of \[1,32\] is NaN/,
    )
  })
})
