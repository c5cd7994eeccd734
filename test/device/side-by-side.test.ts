import { afterAll, beforeAll, expect, test } from 'vitest'
import { evaluate } from '../../src/ir/evaluate.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import type { Device } from '../../src/runtime/device.ts'
import { valuesFor } from '../ir/programs.ts'
import { firstDifference, runOnDevice } from './run-graph.ts'
import { openUnderTest } from './under-test.ts'

/** Kernels whose members differ in size, and end anywhere in the last workgroup of theirs. */
let device: Device

beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

type T = Tensor

async function agrees(fn: (...args: never[]) => unknown, specs: readonly unknown[]): Promise<void> {
  const graph = traceGraph(fn, specs)
  const inputs = valuesFor(graph)
  const expected = evaluate(graph, inputs)
  for (const donate of [false, true]) {
    const got = await runOnDevice(device, graph, inputs, donate)
    expect(expected.map((e, i) => firstDifference(e, got[i]!))).toEqual(expected.map(() => null))
  }
}

test('products of one operand, of different widths', () =>
  agrees(
    (x: T, q: T, k: T, v: T) => [q, k, v].map((m) => w.matmul(x, m)),
    [w.spec([37, 20]), w.spec([20, 130]), w.spec([20, 65]), w.spec([20, 67])],
  ))

test('products in batches', () =>
  agrees(
    (x: T, a: T, b: T) => [a, b].map((m) => w.matmul(x, m)),
    [w.spec([3, 37, 20]), w.spec([3, 20, 33]), w.spec([3, 20, 70])],
  ))

test('elementwise work of different sizes, over what it reads', () => {
  const decay = (rate: T, ...xs: T[]): T[] => xs.map((x) => w.sub(x, w.mul(x, rate)))
  return agrees(
    decay,
    [[], [300], [5], [1], [64], [17, 40]].map((shape) => w.spec(shape)),
  )
})

test('rows of which each belongs to a workgroup', () =>
  agrees(
    (x: T, y: T) => [w.softmax(x, -1), w.softmax(y, -1), w.softmax(w.mul(x, 2), -1)],
    [w.spec([30, 200]), w.spec([19, 300])],
  ))

test('sums over rows, and what is made of each', () =>
  agrees(
    (x: T, y: T) => [w.mul(x, y), x, y].map((v) => w.sqrt(w.square(w.sum(v, 0)))),
    [w.spec([40, 70]), w.spec([40, 70])],
  ))
