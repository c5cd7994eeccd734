import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { full, ones, tensor, zeros } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import {
  adam,
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  globalNorm,
  type Optimizer,
  scaleBySchedule,
  schedules,
  sgd,
} from '../../src/train/index.ts'
import { ValueError } from '../../src/util/errors.ts'
import { apart } from '../nn/oracle.ts'
import { follow, numbersOf, structureOf } from './helpers.ts'

/** A parameter of three elements, and its gradient at each of several steps. */
const SIZE = 3
const float = (bound: number) => fc.double({ min: -bound, max: bound, noNaN: true }).map(Math.fround)
const vector = fc.array(float(4), { minLength: SIZE, maxLength: SIZE })
const run = fc.record({ start: vector, gradients: fc.array(vector, { minLength: 1, maxLength: 12 }) })

async function paramsAfter<S>(optimizer: Optimizer<S>, start: number[], gradients: number[][]): Promise<number[]> {
  return numbersOf(
    follow<Tensor, S>(
      optimizer,
      tensor(start),
      gradients.map((g) => tensor(g)),
    ).params,
  )
}

describe('adamw', () => {
  /** torch.optim.AdamW's documented algorithm, without amsgrad, line by line in double precision. */
  function pytorch(
    start: number[],
    gradients: number[][],
    o: { lr: number; b1: number; b2: number; eps: number; lambda: number },
  ): number[] {
    return start.map((theta0, i) => {
      let [theta, m, v] = [theta0, 0, 0]
      gradients.forEach((row, before) => {
        const g = row[i]!
        const t = before + 1
        theta = theta - o.lr * o.lambda * theta
        m = o.b1 * m + (1 - o.b1) * g
        v = o.b2 * v + (1 - o.b2) * g * g
        const mHat = m / (1 - o.b1 ** t)
        const vHat = v / (1 - o.b2 ** t)
        theta = theta - (o.lr * mHat) / (Math.sqrt(vHat) + o.eps)
      })
      return theta
    })
  }

  test("follows PyTorch's formula", async () => {
    const settings = fc.record({
      lr: fc.double({ min: 1e-4, max: 0.1, noNaN: true }),
      b1: fc.constantFrom(0, 0.5, 0.9, 0.99),
      b2: fc.constantFrom(0, 0.95, 0.99, 0.999, 0.9999),
      // Not smaller: where a gradient is nearly nothing beside eps, f32 keeps too little of its square.
      eps: fc.constantFrom(1e-3, 1e-2),
      lambda: fc.constantFrom(0, 0.01, 0.3),
    })
    await fc.assert(
      fc.asyncProperty(run, settings, async ({ start, gradients }, o) => {
        const { lr: learningRate, b1, b2, eps, lambda: weightDecay } = o
        const got = await paramsAfter(adamw({ learningRate, b1, b2, eps, weightDecay }), start, gradients)
        const expected = pytorch(start, gradients, o)
        // A gradient of 0 after large ones, with b2 = 0, moves by 100 and more: f32 holds that to 1e-5 and no closer.
        const size = Math.max(1, ...expected.map(Math.abs))
        const scaled = (xs: readonly number[]): number[] => xs.map((x) => x / size)
        expect(apart(scaled(got), scaled(expected))).toBeLessThan(2e-5)
      }),
      { numRuns: 60 },
    )
  })

  test('the defaults are those of PyTorch', async () => {
    const o = { lr: 1e-3, b1: 0.9, b2: 0.999, eps: 1e-8, lambda: 0.01 }
    const gradients = Array.from({ length: 40 }, (_, t) => [Math.sin(t), 3, -0.5 * t])
    const got = await paramsAfter(adamw({ learningRate: 1e-3 }), [1, 2, 3], gradients)
    expect(apart(got, pytorch([1, 2, 3], gradients, o))).toBeLessThan(2e-6)
  })

  test('the first step is the learning rate, whatever the size of the gradient', async () => {
    // The bias corrections cancel the decays exactly where 1 - b2 alone would lose digits.
    const got = await paramsAfter(adam({ learningRate: 1, b2: 0.999999 }), [0, 0, 0], [[1000, -1, 0.01]])
    expect(apart(got, [-1, 1, -1])).toBeLessThan(3e-6)
  })

  test('adam is adamw without decay', async () => {
    const gradients = [
      [1, 2, 3],
      [-1, 0, 1],
    ]
    const decayless = adamw({ learningRate: 0.1, weightDecay: 0 })
    expect(await paramsAfter(adam({ learningRate: 0.1 }), [1, 1, 1], gradients)).toEqual(
      await paramsAfter(decayless, [1, 1, 1], gradients),
    )
  })

  test('the mask chooses by path what decays', async () => {
    const seen: string[] = []
    const mask = (path: string): boolean => {
      seen.push(path)
      return path.endsWith('weight')
    }
    const params = { layers: [{ weight: full([2], 10), bias: full([2], 10) }], norm: full([1], 10) }
    const still = { layers: [{ weight: zeros([2]), bias: zeros([2]) }], norm: zeros([1]) }
    const moved = follow(adamw({ learningRate: 0.5, weightDecay: 0.1, mask }), params, [still])
    expect(await numbersOf(moved.params)).toEqual([9.5, 9.5, 10, 10, 10])
    expect(seen).toEqual(['layers[0].weight', 'layers[0].bias', 'norm'])
  })

  test('a scheduled rate counts steps from 0', async () => {
    const learningRate = schedules.piecewise([0, 1], [1])
    const got = await paramsAfter(adam({ learningRate, eps: 0 }), [5], [[1], [1]])
    expect(apart(got, [4])).toBeLessThan(1e-5)
  })

  test('f16 parameters have their means in f32', async () => {
    const params = full([2], 1, 'f16')
    const { params: moved, state } = follow(adamw({ learningRate: 0.5, weightDecay: 0 }), params, [
      full([2], 2 ** -12, 'f16'),
    ])
    expect(moved.dtype).toBe('f16')
    expect([state.mean, state.variance].map((t) => ('dtype' in t ? t.dtype : 'a tree'))).toEqual(['f32', 'f32'])
    expect(Array.from(await moved.read())).toEqual([0x3800, 0x3800]) // 0.5
  })

  test.each([
    { learningRate: -1 },
    { learningRate: Number.NaN },
    { learningRate: 1, b1: 1 },
    { learningRate: 1, b2: -0.1 },
    { learningRate: 1, eps: -1 },
    { learningRate: 1, weightDecay: -1 },
  ])('%j is refused', (options) => {
    expect(() => adamw(options)).toThrow(ValueError)
  })
})

describe('sgd', () => {
  /** torch.optim.SGD's documented algorithm, without dampening. */
  function pytorch(start: number[], gradients: number[][], lr: number, mu: number, nesterov: boolean): number[] {
    return start.map((theta0, i) => {
      let [theta, b] = [theta0, 0]
      gradients.forEach((row, t) => {
        let g = row[i]!
        if (mu !== 0) {
          b = t > 0 ? mu * b + g : g
          g = nesterov ? g + mu * b : b
        }
        theta = theta - lr * g
      })
      return theta
    })
  }

  test.each([
    { momentum: 0, nesterov: false },
    { momentum: 0.9, nesterov: false },
    { momentum: 0.9, nesterov: true },
  ])("follows PyTorch's formula with %j", async ({ momentum, nesterov }) => {
    await fc.assert(
      fc.asyncProperty(run, async ({ start, gradients }) => {
        const got = await paramsAfter(sgd({ learningRate: 0.05, momentum, nesterov }), start, gradients)
        expect(apart(got, pytorch(start, gradients, 0.05, momentum, nesterov))).toBeLessThan(2e-5)
      }),
      { numRuns: 40 },
    )
  })

  test('nesterov without momentum is refused', () => {
    expect(() => sgd({ learningRate: 1, nesterov: true })).toThrow(/nesterov needs momentum/)
    expect(() => sgd({ learningRate: 1, momentum: 1 })).toThrow(/momentum is 1; it must be in \[0, 1\)/)
  })
})

describe('clipByGlobalNorm', () => {
  const tree = { a: tensor([3, 0]), b: [tensor([[4]])] }

  test('the norm is that of all leaves together', async () => {
    expect(await globalNorm(tree).item()).toBe(5)
    expect(await globalNorm({}).item()).toBe(0)
    // Squares above 65504 overflow f16.
    expect(await globalNorm(full([4], 300, 'f16')).item()).toBe(600)
  })

  test('scales down what is longer, and leaves the rest as it is', async () => {
    const clipped = (max: number) => numbersOf(clipByGlobalNorm(max).update(tree, {}, tree).updates)
    expect(apart(await clipped(1), [0.6, 0, 0.8])).toBeLessThan(1e-6)
    expect(await clipped(5)).toEqual([3, 0, 4])
    expect(await clipped(1e6)).toEqual([3, 0, 4])
  })

  test('zeros stay zeros', async () => {
    const nothing = zeros([3])
    expect(await numbersOf(clipByGlobalNorm(1).update(nothing, {}, nothing).updates)).toEqual([0, 0, 0])
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('%d is refused', (max) => {
    expect(() => clipByGlobalNorm(max)).toThrow(ValueError)
  })
})

describe('chain', () => {
  const gradients = [tensor([30, 40])]

  test('goes from left to right', async () => {
    const clipFirst = chain(clipByGlobalNorm(1), sgd({ learningRate: 10 }))
    const clipLast = chain(sgd({ learningRate: 10 }), clipByGlobalNorm(1))
    expect(apart(await numbersOf(follow(clipFirst, zeros([2]), gradients).params), [-6, -8])).toBeLessThan(1e-5)
    expect(apart(await numbersOf(follow(clipLast, zeros([2]), gradients).params), [-0.6, -0.8])).toBeLessThan(1e-6)
  })

  test('scaleBySchedule multiplies by its value at each step', async () => {
    const twice = chain(sgd({ learningRate: 1 }), scaleBySchedule(schedules.linear({ from: 1, to: 3, steps: 2 })))
    const { params } = follow(twice, zeros([1]), [ones([1]), ones([1]), ones([1])])
    expect(await numbersOf(params)).toEqual([-1 - 2 - 3])
  })
})

describe('any optimiser', () => {
  const params = { layer: { weight: ones([2, 2]), bias: ones([2]) }, scales: [ones([1]), ones([])] }
  const each: readonly (readonly [string, Optimizer<unknown>])[] = [
    ['sgd', widen(sgd({ learningRate: 0.1 }))],
    ['momentum', widen(sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }))],
    ['adamw', widen(adamw({ learningRate: schedules.cosine({ peak: 0.1, steps: 9 }) }))],
    ['chain', widen(chain(clipByGlobalNorm(1), adam({ learningRate: 0.1 })))],
  ]

  /** An optimiser whose state is looked at only as a tree. */
  function widen<S>(o: Optimizer<S>): Optimizer<unknown> {
    return { init: o.init, update: (g, state, p) => o.update(g, state as S, p) }
  }

  test.each(each)('%s keeps the structure of parameters and state', (_, optimizer) => {
    const start = optimizer.init(params)
    const { params: moved, state } = follow(optimizer, params, [params, params])
    expect(structureOf(moved)).toBe(structureOf(params))
    expect(structureOf(state)).toBe(structureOf(start))
  })

  test.each(each)('%s goes to the bottom of a quadratic', async (name, optimizer) => {
    let at: { p: Tensor; state: unknown } = { p: tensor([3, -2]), state: optimizer.init(tensor([3, -2])) }
    const steps = name === 'momentum' ? 120 : 80
    for (let i = 0; i < steps; i++) {
      // The gradient of half the squared distance from 0.
      const { updates, state } = optimizer.update(at.p, at.state, at.p)
      at = { p: applyUpdates(at.p, updates), state }
    }
    const before = Math.hypot(3, -2)
    expect(await globalNorm(at.p).item()).toBeLessThan(name === 'adamw' ? before - 0.5 : 0.1 * before)
  })
})
