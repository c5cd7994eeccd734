import { afterAll, beforeAll, expect, test } from 'vitest'
import { compile } from '../../src/compile.ts'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import type { Device } from '../../src/runtime/device.ts'
import { adamw, lossScaling, mixedPrecision, scaledTrainStep, trainStep } from '../../src/train/index.ts'
import { UnsupportedError } from '../../src/util/errors.ts'
import { numbersOf } from '../train/helpers.ts'
import { openUnderTest } from './under-test.ts'

let device: Device
beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

const params = { hidden: w.mul(w.normal(w.key(1), [7, 16]), 0.3), out: w.mul(w.normal(w.key(2), [16, 3]), 0.3) }
type Params = typeof params
const x = w.normal(w.key(3), [20, 7])
const y = w.tanh(w.matmul(x, w.normal(w.key(4), [7, 3])))
const loss = (p: Params, input: Tensor, target: Tensor): Tensor =>
  w.mean(w.square(w.sub(w.matmul(w.tanh(w.matmul(input, p.hidden)), p.out), target)))

const optimizer = adamw({ learningRate: 0.02 })
const STEPS = 30

/** The losses of a compiled step that goes on from itself, its state donated. */
async function losses<S>(
  step: (p: Params, s: S, a: Tensor, b: Tensor) => { params: Params; state: S; loss: Tensor },
  initial: S,
): Promise<number[]> {
  const compiled = compile(step, [params, initial, x, y] as never, { device, donate: [0, 1] })
  let made = await compiled(params, initial, x, y)
  const seen = [await made.loss.item()]
  for (let i = 1; i < STEPS; i++) {
    made = await compiled(made.params, made.state, x, y)
    seen.push(await made.loss.item())
  }
  return seen
}

/** A step whose first scale is too great, and what it begins with. */
function starting(growthInterval: number) {
  const scaling = lossScaling({ initial: 2 ** 22, growthInterval })
  const step = scaledTrainStep(mixedPrecision(loss), optimizer, scaling, { maxNorm: 1 })
  return { step, initial: { optimizer: optimizer.init(params), scaling: scaling.init() } }
}

test('in f16 the loss falls as in f32, once the scale has come down; a device without f16 says so', async () => {
  const { step, initial } = starting(1000)
  if (!device.limits.f16) {
    await expect(losses(step, initial)).rejects.toThrow(UnsupportedError)
    return
  }
  const full = await losses(trainStep(loss, optimizer, { maxNorm: 1 }), optimizer.init(params))
  const half = await losses(step, initial)
  const skipped = half.findIndex((value) => value !== half[0])
  expect(skipped).toBeGreaterThan(1)
  for (const [i, value] of half.slice(skipped).entries())
    expect(Math.abs(value - full[i + 1]!)).toBeLessThan(0.02 * full[0]!)
  expect(half.at(-1)!).toBeLessThan(0.5 * half[0]!)
})

test('an overflow skips the step and halves the scale, in the memory that was donated; good steps double it', async ({
  skip,
}) => {
  skip(!device.limits.f16, 'no shader-f16')
  const { step, initial } = starting(2)
  const compiled = compile(step, [params, initial, x, y] as never, { device, donate: [0, 1] })
  let made = await compiled(params, initial, x, y)
  expect(await made.skipped.item()).toBe(1)
  const start = await numbersOf([params, initial.optimizer])
  expect(await numbersOf([made.params, made.state.optimizer])).toEqual(start)
  expect(await numbersOf(made.state.scaling)).toEqual([2 ** 21, 0])
  while ((await made.skipped.item()) === 1) made = await compiled(made.params, made.state, x, y)
  const [reached] = await numbersOf(made.state.scaling)
  const before = device.memory().live
  made = await compiled(made.params, made.state, x, y)
  // Only the loss, the norm and whether the step was skipped are new; all else lies where it did.
  expect(device.memory().live - before).toBeLessThanOrEqual(3 * 256)
  expect(await numbersOf(made.state.scaling)).toEqual([2 * reached!, 0])
})
