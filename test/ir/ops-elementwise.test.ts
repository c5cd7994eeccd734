import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'
import { atBroadcast, broadcastPair, build, expectClose, numbers, read, toTensor, whole } from './arrays.ts'

describe('broadcasting', () => {
  test('two operands meet element by element, as NumPy has it', async () => {
    await fc.assert(
      fc.asyncProperty(broadcastPair, async ({ a, b, out }) => {
        const [x, y] = [numbers(a, 1), numbers(b, 2)]
        const want = build(out, (i) => Math.fround(atBroadcast(x, i) - atBroadcast(y, i)))
        await expectClose(w.sub(toTensor(x), toTensor(y)), want)
      }),
      { numRuns: 60 },
    )
  })

  test('where broadcasts all three operands', async () => {
    const [c, a, b] = [whole([3, 1, 2], 1, 2), numbers([4, 1], 2), numbers([2], 3)]
    const condition = w.ne(toTensor(c), 0)
    await expectClose(
      w.where(condition, toTensor(a), toTensor(b)),
      build([3, 4, 2], (i) => (atBroadcast(c, i) === 0 ? atBroadcast(b, i) : atBroadcast(a, i))),
    )
  })

  test('a number takes the dtype of the tensor beside it', () => {
    expect(w.add(w.arange(3), 1).dtype).toBe('i32')
    expect(w.mul(2, w.zeros([2], 'f16')).dtype).toBe('f16')
    expect(w.add(1, 2)).toMatchObject({ dtype: 'f32', shape: [] })
    expect(w.where(w.tensor([true]), 1, w.arange(1)).dtype).toBe('i32')
  })
})

const POINTS = [-30, -3, -1, -0.5, 0, 0.5, 1, 3, 30]

/** The error function to double precision, by Simpson's rule. */
function erf(x: number): number {
  const steps = 4000
  const h = x / steps
  let sum = 1 + Math.exp(-x * x)
  for (let i = 1; i < steps; i++) sum += (i % 2 === 1 ? 4 : 2) * Math.exp(-((i * h) ** 2))
  return (2 / Math.sqrt(Math.PI)) * (h / 3) * sum
}

describe('activations', () => {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
  const cases: readonly [string, (x: w.Tensor) => w.Tensor, (x: number) => number][] = [
    ['square', w.square, (x) => x * x],
    ['relu', w.relu, (x) => Math.max(x, 0)],
    ['silu', w.silu, (x) => x * sigmoid(x)],
    ['gelu', w.gelu, (x) => 0.5 * x * (1 + erf(x / Math.SQRT2))],
    ['geluTanh', w.geluTanh, (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))],
    ['quickGelu', w.quickGelu, (x) => x * sigmoid(1.702 * x)],
    ['softplus', w.softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))],
    ['clip', (x) => w.clip(x, -1, 2), (x) => Math.min(Math.max(x, -1), 2)],
  ]
  test.each(cases)('%s', async (_, f, reference) => {
    await expectClose(f(w.tensor(POINTS)), { shape: [POINTS.length], data: POINTS.map(reference) }, 2e-6)
  })

  test('at 0 relu has derivative 0 and softplus 1/2', async () => {
    const at = (f: (x: w.Tensor) => w.Tensor): Promise<number> =>
      w
        .grad((x: w.Tensor) => w.sum(f(x)))(w.tensor([0]))
        .item()
    expect(await at(w.relu)).toBe(0)
    expect(await at(w.softplus)).toBe(0.5)
  })

  test('relu keeps NaN', async () => {
    expect(await read(w.relu(w.tensor([Number.NaN, -1])))).toEqual({ shape: [2], data: [Number.NaN, 0] })
  })

  test('relu and clip keep integers', async () => {
    expect(await read(w.relu(w.tensor([-2, 3], { dtype: 'i32' })))).toEqual({ shape: [2], data: [0, 3] })
    expect(w.clip(w.arange(3), 0, 1).dtype).toBe('i32')
  })
})
