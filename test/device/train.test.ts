import { afterAll, beforeAll, expect, test } from 'vitest'
import { compile, put } from '../../src/compile.ts'
import * as w from '../../src/ir/ops.ts'
import { isTensor, type Tensor } from '../../src/ir/tensor.ts'
import type { Device } from '../../src/runtime/device.ts'
import { adamw, schedules, trainStep } from '../../src/train/index.ts'
import { flatten } from '../../src/util/tree.ts'
import { apart } from '../nn/oracle.ts'
import { numbersOf } from '../train/helpers.ts'
import { openUnderTest } from './under-test.ts'

let device: Device
beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

const params = {
  hidden: { weight: w.normal(w.key(1), [7, 16]), bias: w.zeros([16]) },
  out: [w.normal(w.key(2), [16, 3])] as const,
}
const x = w.normal(w.key(3), [9, 7])
const y = w.normal(w.key(4), [9, 3])

const loss = (p: typeof params, input: Tensor, target: Tensor): Tensor => {
  const hidden = w.tanh(w.add(w.matmul(input, p.hidden.weight), p.hidden.bias))
  return w.mean(w.square(w.sub(w.matmul(hidden, p.out[0]), target)))
}

test('a donated AdamW step on the device is that of the reference, and writes over what it was given', async () => {
  const optimizer = adamw({
    learningRate: schedules.warmupCosine({ peak: 0.05, warmupSteps: 1, totalSteps: 6, start: 0.01 }),
    mask: (path) => !path.endsWith('bias'),
  })
  const step = trainStep(loss, optimizer, { maxNorm: 0.5 })
  const start = { params, state: optimizer.init(params) }
  const compiled = compile(step, [params, start.state, x, y], { device, donate: [0, 1] })
  const [input, target] = await put([x, y] as const, device)
  const resident = (tree: unknown): number => flatten(tree, isTensor).leaves.reduce((n, t) => n + 4 * t.size, 0)

  let expected = step(start.params, start.state, x, y)
  let got = await compiled(await put(params, device), await put(start.state, device), input, target)
  for (let i = 0; i < 3; i++) {
    expect(apart(await numbersOf(got), await numbersOf(expected)), `step ${i + 1}`).toBeLessThan(1e-5)
    expected = step(expected.params, expected.state, x, y)
    const before = device.memory().live
    const next = await compiled(got.params, got.state, input, target)
    // Only the loss and the norm are new; everything else lies where the donated argument did.
    expect(device.memory().live - before).toBeLessThan(resident(params))
    await expect(got.params.out[0].read()).rejects.toThrow(/donated/)
    await expect(got.state.step.read()).rejects.toThrow(/donated/)
    got = next
  }
  expect(await got.state.step.item()).toBe(4)
})
