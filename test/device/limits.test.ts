import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HostArray } from '../../src/ir/dtype.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import type { Graph } from '../../src/ir/graph.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import {
  add,
  cast,
  einsum,
  gelu,
  logSoftmax,
  lt,
  matmul,
  mean,
  mul,
  rsqrt,
  softmax,
  spec,
  square,
  sub,
  sum,
  transpose,
  where,
} from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import type { Device } from '../../src/runtime/device.ts'
import { firstDifference, runOnDevice } from './run-graph.ts'
import { openUnderTest } from './under-test.ts'

/**
 * What models are made of, at sizes of whole vectors and at odd ones: within the limits that every WebGPU device has,
 * with all that the adapter offers, and without bounds checks, which must change nothing.
 */
let portable: Device
let full: Device
let unchecked: Device
beforeAll(async () => {
  portable = await openUnderTest({ limits: 'default' })
  full = await openUnderTest()
  unchecked = await openUnderTest({ unsafe: true })
})
afterAll(() => {
  for (const device of [portable, full, unchecked]) device.dispose()
})

type Fn = (...args: Tensor[]) => unknown
const layerNorm: Fn = (x, weight, bias) => {
  const centred = sub(x!, mean(x!, -1, { keepDims: true }))
  const scale = rsqrt(add(mean(square(centred), -1, { keepDims: true }), 1e-5))
  return add(mul(mul(centred, scale), weight!), bias!)
}
const attention: Fn = (q, k, v) => matmul(softmax(mul(matmul(q!, transpose(k!, [0, 2, 1])), 0.3)), v!)

const BLOCKS: readonly { name: string; fn: Fn; shapes: (n: number) => number[][] }[] = [
  { name: 'softmax', fn: (x) => softmax(x!), shapes: (n) => [[5, n]] },
  { name: 'layer norm', fn: layerNorm, shapes: (n) => [[2, 3, n], [n], [n]] },
  {
    name: 'layer norm of short rows',
    fn: layerNorm,
    shapes: (n) => [[70, n / 4], [n / 4], [n / 4]].map((s) => s.map(Math.ceil)),
  },
  {
    name: 'a linear layer with gelu',
    fn: (x, w, b) => gelu(add(matmul(x!, transpose(w!)), b!)),
    shapes: (n) => [[17, n], [36, n], [36]],
  },
  {
    name: 'attention of two heads',
    fn: attention,
    shapes: (n) => [
      [2, n, 8],
      [2, n, 8],
      [2, n, 8],
    ],
  },
  { name: 'a loss', fn: (x) => mean(sum(mul(logSoftmax(x!), x!), -1)), shapes: (n) => [[6, n]] },
  {
    name: 'several results of one shape',
    fn: (x, y) => [add(x!, y!), where(lt(x!, y!), x!, 0), cast(lt(x!, 0.1), 'f32')],
    shapes: (n) => [
      [3, n],
      [3, n],
    ],
  },
  {
    name: 'broadcasts and transposes',
    fn: (x, y, z) => add(mul(transpose(x!), y!), z!),
    shapes: (n) => [[n, 12], [n], [12, 1]],
  },
  { name: 'sums of columns', fn: (x) => sum(x!, 0), shapes: (n) => [[200, n]] },
  { name: 'one row times a matrix', fn: (x, w) => einsum('k,nk->n', x!, w!), shapes: (n) => [[n], [300, n]] },
]

describe.each([96, 101])('at a size of %i', (n) => {
  test.each(BLOCKS.map((b) => [b.name, b] as const))('%s', async (_, { fn, shapes }) => {
    const inputs = shapes(n).map(numbers)
    const graph: Graph = traceGraph(
      fn as (...args: never[]) => unknown,
      inputs.map((a) => spec(a.shape)),
    )
    const expected = evaluate(graph, inputs)
    const run = (device: Device): Promise<HostArray[]> => runOnDevice(device, graph, inputs, false)
    const got = await run(full)
    const within = await run(portable)
    expected.forEach((e, i) => {
      expect(firstDifference(e, got[i]!)).toBeNull()
      expect(firstDifference(e, within[i]!)).toBeNull()
    })
    expect((await run(unchecked)).map((a) => a.data)).toEqual(got.map((a) => a.data))
  })
})

function numbers(shape: readonly number[], seed: number): HostArray {
  const length = shape.reduce((a, b) => a * b, 1)
  return { dtype: 'f32', shape, data: Float32Array.from({ length }, (_, i) => Math.sin(i * (seed + 1.7))) }
}
