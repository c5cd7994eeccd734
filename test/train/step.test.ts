import { describe, expect, test } from 'vitest'
import { compile } from '../../src/compile.ts'
import { add, key, matmul, mean, normal, square, sub, tanh, tensor, zeros } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { adamw, chain, clipByGlobalNorm, schedules, sgd, trainStep } from '../../src/train/index.ts'
import { TraceError, ValueError } from '../../src/util/errors.ts'
import { buildFn, buildGraph, DEFAULT_LIMITS } from '../codegen/build.ts'
import { apart } from '../nn/oracle.ts'
import { numbersOf } from './helpers.ts'

const params = { weight: normal(key(1), [6, 4]), bias: zeros([4]) }
const x = normal(key(2), [5, 6])
const y = normal(key(3), [5, 4])
type Params = typeof params

const predict = (p: Params, input: Tensor): Tensor => tanh(add(matmul(input, p.weight), p.bias))
const loss = (p: Params, input: Tensor, target: Tensor): Tensor => mean(square(sub(predict(p, input), target)))
const optimizer = adamw({ learningRate: schedules.warmupCosine({ peak: 0.1, warmupSteps: 2, totalSteps: 9 }) })

describe('trainStep', () => {
  test('compiled, it does what it does eagerly', async () => {
    const step = trainStep(loss, optimizer, { maxNorm: 0.1 })
    const state = optimizer.init(params)
    const compiled = compile(step, [params, state, x, y], { device: 'reference', donate: [0, 1] })
    let eager = step(params, state, x, y)
    let made = await compiled(params, state, x, y)
    for (let i = 0; i < 3; i++) {
      expect(await numbersOf(made)).toEqual(await numbersOf(eager))
      eager = step(eager.params, eager.state, x, y)
      made = await compiled(made.params, made.state, x, y)
    }
    expect(await made.state.step.item()).toBe(4)
  })

  test('the loss falls', async () => {
    const step = trainStep(loss, sgd({ learningRate: 0.5, momentum: 0.5 }))
    let at = step(params, sgd({ learningRate: 0.5, momentum: 0.5 }).init(params), x, y)
    const first = await at.loss.item()
    for (let i = 0; i < 20; i++) at = step(at.params, at.state, x, y)
    expect(await at.loss.item()).toBeLessThan(0.7 * first)
  })

  test('maxNorm clips as clipByGlobalNorm does, and the norm told is that before', async () => {
    const plain = sgd({ learningRate: 1 })
    const chained = chain(clipByGlobalNorm(0.01), plain)
    const a = trainStep(loss, plain, { maxNorm: 0.01 })(params, plain.init(params), x, y)
    const b = trainStep(loss, chained)(params, chained.init(params), x, y)
    expect(await numbersOf(a.params)).toEqual(await numbersOf(b.params))
    expect(await a.gradientNorm.item()).toBe(await b.gradientNorm.item())
    expect(await a.gradientNorm.item()).toBeGreaterThan(0.01)
    const moved = await numbersOf(a.params)
    const start = await numbersOf(params)
    expect(Math.hypot(...moved.map((v, i) => v - start[i]!))).toBeCloseTo(0.01, 5)
  })

  test('aux comes through', async () => {
    const both = (p: Params, input: Tensor, target: Tensor): readonly [Tensor, { predicted: Tensor }] => [
      loss(p, input, target),
      { predicted: predict(p, input) },
    ]
    const plain = sgd({ learningRate: 1 })
    const { aux } = trainStep(both, plain, { hasAux: true })(params, plain.init(params), x, y)
    expect(apart(await numbersOf(aux.predicted), await numbersOf(predict(params, x)))).toBe(0)
  })

  test('mistakes are named', () => {
    const plain = sgd({ learningRate: 1 })
    expect(() => trainStep(loss, plain, { maxNorm: 0 })).toThrow(ValueError)
    const wrong = trainStep(loss as never, plain, { hasAux: true }) as (...args: unknown[]) => unknown
    expect(() => wrong(params, plain.init(params), x, y)).toThrow(/must return \[loss, aux\]/)
    const state = optimizer.init({ weight: params.weight })
    expect(() => trainStep(loss, optimizer)(params, state, x, y)).toThrow(TraceError)
    expect(() => trainStep(loss, optimizer)(params, state, x, y)).toThrow(/tree 2[\s\S]*only it has bias/)
  })

  test('lowered, a parameter takes two kernels, or one with more buffers, and all state is written in place', () => {
    const step = trainStep(loss, optimizer)
    const graph = compile(step, [params, optimizer.init(params), x, y], { device: 'reference' }).graph()
    const { program } = buildGraph(graph, undefined, true)
    const leaves = 3 * Object.keys(params).length + 1
    expect(program.outputs.slice(0, leaves).map((o) => o.aliasOf)).toEqual(Array.from({ length: leaves }, (_, i) => i))
    const kernels = (count: number, storageBuffersPerKernel: number): number => {
      const many = Array.from({ length: count }, (_, i) => tensor(Array.from({ length: 8 + i }, () => 1)))
      const state = optimizer.init(many)
      const update = (g: Tensor[], s: typeof state, p: Tensor[]): unknown => optimizer.update(g, s, p)
      const limits = { ...DEFAULT_LIMITS, storageBuffersPerKernel }
      return buildFn(update, [many, state, many], limits).program.steps.length
    }
    expect(kernels(8, 8) - kernels(4, 8)).toBe(4 * 2)
    expect(kernels(8, 16) - kernels(4, 16)).toBe(4)
  })
})
