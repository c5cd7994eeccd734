import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { forcing } from '../../src/cli/measure-tilings.ts'
import { tilingsFor } from '../../src/codegen/gpu/choose-tiling.ts'
import { TILINGS } from '../../src/codegen/gpu/tilings.ts'
import { type DType, type HostArray, numberToF16 } from '../../src/ir/dtype.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import { spec } from '../../src/ir/ops/spec.ts'
import { add, cast, einsum, maximum } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import type { Device } from '../../src/runtime/device.ts'
import { firstDifference, runOnDevice } from './run-graph.ts'
import { openUnderTest } from './under-test.ts'

/**
 * Every tiling of products, those for cards included, computes what the reference computes: with operands that lie in
 * any order, sizes that end within a tile or a vector, and what is fused around them.
 */
let device: Device
beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

interface Case {
  readonly what: string
  readonly equation: string
  readonly sizes: Readonly<Record<string, number>>
  readonly dtype?: DType
  /** Of the right operand in memory, where it is cast before it is multiplied. */
  readonly right?: DType
}

const odd = { b: 2, m: 37, k: 21, n: 19 }
const even = { b: 2, m: 72, k: 36, n: 40 }
const CASES: readonly Case[] = [
  { what: 'odd sizes, in batches', equation: 'bmk,bkn->bmn', sizes: odd },
  { what: 'whole vectors', equation: 'mk,kn->mn', sizes: even },
  { what: 'the right operand along k', equation: 'mk,nk->mn', sizes: even },
  { what: 'the left operand across k', equation: 'km,kn->mn', sizes: even },
  { what: 'both across each other, in batches', equation: 'bkm,bnk->bmn', sizes: even },
  { what: 'two axes summed, heads between', equation: 'mhd,hdn->mn', sizes: { m: 9, h: 3, d: 5, n: 20 } },
  { what: 'one row', equation: 'k,nk->n', sizes: { k: 100, n: 70 } },
  { what: 'halves', equation: 'mk,kn->mn', sizes: even, dtype: 'f16' },
  { what: 'floats and halves', equation: 'mk,kn->mn', sizes: even, right: 'f16' },
]

describe.each(TILINGS.map((t) => [t.name, t] as const))('tiling %s', (_, tiling) => {
  test.for(CASES)('$what', async ({ equation, sizes, dtype = 'f32', right: stored = dtype }, { skip }) => {
    skip(tiling.form === 'broadcast' && device.limits.gpu?.subgroupSize == null, 'no subgroups of one size')
    skip(stored === 'f16' && !device.limits.f16, 'no shader-f16')
    const [operands, result] = equation.split('->') as [string, string]
    const [left, right] = operands.split(',') as [string, string]
    const shape = (letters: string): number[] => [...letters].map((l) => sizes[l]!)
    const shapes = [shape(left), shape(right), shape(result.slice(-1)), shape(result)]
    const inputs = shapes.map((s, i) => numbers(s, i === 1 ? stored : dtype, i))
    const fn = (x: Tensor, y: Tensor, bias: Tensor, rest: Tensor): Tensor =>
      add(maximum(add(einsum(equation, x, cast(y, dtype)), bias), 0), rest)
    const graph = traceGraph(
      fn,
      inputs.map((a) => spec(a.shape, a.dtype)),
    )
    const [expected] = evaluate(graph, inputs)
    const limits = forcing(device.limits, tiling)
    expect(tilingsFor(limits)).toContain(tiling) // else another would be tested
    const [got] = await runOnDevice(device, graph, inputs, false, limits)
    expect(firstDifference(expected!, got!)).toBeNull()
  })
})

function numbers(shape: readonly number[], dtype: DType, seed: number): HostArray {
  const n = shape.reduce((a, b) => a * b, 1)
  const value = (i: number): number => Math.sin(i * (seed + 1.3)) * 0.5
  return dtype === 'f16'
    ? { dtype, shape, data: Uint16Array.from({ length: n }, (_, i) => numberToF16(value(i))) }
    : { dtype: 'f32', shape, data: Float32Array.from({ length: n }, (_, i) => value(i)) }
}
