import { describe, expect, test } from 'vitest'
import { traceGraph } from '../../src/ir/make-graph.ts'
import { add, cast, key, matmul, mean, mul, normal, square, sub, sum, tanh, tensor, zeros } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { isTensor } from '../../src/ir/tensor.ts'
import {
  adamw,
  allFinite,
  lossScaling,
  mixedPrecision,
  scaledTrainStep,
  sgd,
  trainStep,
} from '../../src/train/index.ts'
import { TraceError, ValueError } from '../../src/util/errors.ts'
import { flatten } from '../../src/util/tree.ts'
import { buildGraph } from '../codegen/build.ts'
import { numbersOf } from './helpers.ts'

const scaleOf = async ({ scale, goodSteps }: { scale: Tensor; goodSteps: Tensor }): Promise<number[]> => [
  await scale.item(),
  await goodSteps.item(),
]
const truth = (value: boolean) => tensor(value ? 1 : 0, { dtype: 'bool' }) as Tensor<readonly [], 'bool'>

describe('lossScaling', () => {
  test('grows after so many steps without an overflow, falls with one, and counts anew after both', async () => {
    const scaling = lossScaling({ initial: 8, growthInterval: 3, factor: 4 })
    let state = scaling.init()
    const seen: number[][] = []
    for (const finite of [true, true, true, true, false, true, false]) {
      state = scaling.update(state, truth(finite))
      seen.push(await scaleOf(state))
    }
    expect(seen).toEqual([
      [8, 1],
      [8, 2],
      [32, 0],
      [32, 1],
      [8, 0],
      [8, 1],
      [2, 0],
    ])
  })

  test('never falls below 1, nor grows to infinity', async () => {
    const scaling = lossScaling({ initial: 2, growthInterval: 1, factor: 2 ** 40 })
    const low = scaling.update(scaling.update(scaling.init(), truth(false)), truth(false))
    expect(await scaleOf(low)).toEqual([1, 0])
    const high = scaling.update(scaling.update(scaling.init(), truth(true)), truth(true))
    expect(await scaleOf(high)).toEqual([2 ** 64, 0])
  })

  test('scaling and unscaling are exact, and gradients come back in f32', async () => {
    const scaling = lossScaling({ initial: 1024 })
    const state = scaling.init()
    expect(await scaling.scale(tensor(3), state).item()).toBe(3072)
    const { g } = scaling.unscale({ g: cast(tensor([1, -3]), 'f16') }, state)
    expect(g.dtype).toBe('f32')
    expect([...(await g.read())]).toEqual([1 / 1024, -3 / 1024])
  })

  test('knows infinities and NaN', async () => {
    for (const [bad, finite] of [
      [1, 1],
      [Number.POSITIVE_INFINITY, 0],
      [Number.NEGATIVE_INFINITY, 0],
      [Number.NaN, 0],
    ] as const) {
      expect(await cast(allFinite({ a: tensor([1, 2]), b: [tensor([0, bad])] }), 'i32').item(), `${bad}`).toBe(finite)
    }
  })

  test.each([
    ['initial', { initial: 0 }],
    ['growthInterval', { growthInterval: 1.5 }],
    ['factor', { factor: 1 }],
  ])('refuses a wrong %s', (name, options) => {
    expect(() => lossScaling(options)).toThrow(ValueError)
    expect(() => lossScaling(options)).toThrow(name)
  })
})

const params = { weight: mul(normal(key(1), [6, 4]), 0.3), bias: zeros([4]) }
const x = normal(key(2), [16, 6])
const y = tanh(matmul(x, normal(key(3), [6, 4])))
type Params = typeof params
const loss = (p: Params, input: Tensor, target: Tensor): Tensor =>
  mean(square(sub(tanh(add(matmul(input, p.weight), p.bias)), target)))

describe('mixedPrecision', () => {
  test('computes in f16, with a loss and gradients for parameters in f32', async () => {
    const seen: string[] = []
    const watched = mixedPrecision((p: Params, input: Tensor, labels: Tensor): readonly [Tensor, Tensor] => {
      seen.push(p.weight.dtype, input.dtype, labels.dtype)
      const out = matmul(input, p.weight)
      return [sum(out), out]
    })
    const [value, out] = watched(params, x, tensor([1], { dtype: 'i32' }))
    expect([...seen, value.dtype, out.dtype]).toEqual(['f16', 'f16', 'i32', 'f32', 'f16'])
    const optimizer = sgd({ learningRate: 1 })
    const made = trainStep(mixedPrecision(loss), optimizer)(params, optimizer.init(params), x, y)
    expect(flatten(made, isTensor).leaves.map((t) => t.dtype)).not.toContain('f16')
  })
})

describe('scaledTrainStep', () => {
  const optimizer = adamw({ learningRate: 0.03 })
  const start = (initial: number, growthInterval = 2000) => {
    const scaling = lossScaling({ initial, growthInterval })
    const state = { optimizer: optimizer.init(params), scaling: scaling.init() }
    return { step: scaledTrainStep(mixedPrecision(loss), optimizer, scaling, { maxNorm: 1 }), state }
  }

  test('the loss falls as it does in f32', async () => {
    const plain = trainStep(loss, optimizer, { maxNorm: 1 })
    const scaled = start(2 ** 10)
    let a = plain(params, optimizer.init(params), x, y)
    let b = scaled.step(params, scaled.state, x, y)
    const first = await a.loss.item()
    for (let i = 0; i < 40; i++) {
      expect(Math.abs((await b.loss.item()) - (await a.loss.item()))).toBeLessThan(0.01 * first)
      a = plain(a.params, a.state, x, y)
      b = scaled.step(b.params, b.state, x, y)
    }
    expect(await b.loss.item()).toBeLessThan(0.3 * first)
    expect(await b.state.optimizer.step.item()).toBe(41)
  })

  test('an overflow halves the scale and changes nothing else; the next step is made', async () => {
    const { step, state } = start(2 ** 24)
    const before = await numbersOf([params, state.optimizer])
    let made = step(params, state, x, y)
    let halvings = 0
    while ((await made.skipped.item()) === 1) {
      halvings++
      expect(await numbersOf([made.params, made.state.optimizer])).toEqual(before)
      expect(await scaleOf(made.state.scaling)).toEqual([2 ** (24 - halvings), 0])
      expect(await made.loss.item()).toBeCloseTo(await loss(params, x, y).item(), 2)
      made = step(made.params, made.state, x, y)
    }
    expect(halvings).toBeGreaterThan(0)
    expect(await scaleOf(made.state.scaling)).toEqual([2 ** (24 - halvings), 1])
    expect(await made.state.optimizer.step.item()).toBe(1)
    expect(await numbersOf(made.params)).not.toEqual(await numbersOf(params))
  })

  test('the scale grows after so many good steps', async () => {
    const { step, state } = start(4, 2)
    let made = step(params, state, x, y)
    const scales = [await made.state.scaling.scale.item()]
    for (let i = 0; i < 4; i++) {
      made = step(made.params, made.state, x, y)
      scales.push(await made.state.scaling.scale.item())
    }
    expect(scales).toEqual([4, 8, 8, 16, 16])
  })

  test('compiled, it writes parameters and state over those it is given, and copies nothing', () => {
    const { step, state } = start(2 ** 15)
    const { program } = buildGraph(traceGraph(step, [params, state, x, y]), undefined, true)
    const kept = flatten([params, state.optimizer], isTensor).leaves.length
    expect(program.outputs.slice(0, kept).map((o) => o.aliasOf)).toEqual(Array.from({ length: kept }, (_, i) => i))
    expect(program.steps.map((s) => s.kind)).not.toContain('copy')
  })

  test('without overflows it is trainStep, aux too', async () => {
    const both = (p: Params, input: Tensor, target: Tensor): readonly [Tensor, Tensor] => [
      loss(p, input, target),
      tensor(7),
    ]
    const scaling = lossScaling({ initial: 64 })
    const state = { optimizer: optimizer.init(params), scaling: scaling.init() }
    const scaled = scaledTrainStep(both, optimizer, scaling, { hasAux: true })(params, state, x, y)
    const plain = trainStep(loss, optimizer)(params, optimizer.init(params), x, y)
    expect(await numbersOf([scaled.params, scaled.loss, scaled.gradientNorm])).toEqual(
      await numbersOf([plain.params, plain.loss, plain.gradientNorm]),
    )
    expect(await scaled.aux.item()).toBe(7)
    expect(() => scaledTrainStep((p: Params) => both(p, x, y) as never, optimizer, scaling)(params, state)).toThrow(
      TraceError,
    )
  })
})
