import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/grad.ts'
import { quantise } from '../../src/data/quantise.ts'
import { type DType, type HostArray, numberToF16 } from '../../src/ir/dtype.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import { spec } from '../../src/ir/ops/spec.ts'
import { cast, mul, sum } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { embedding, linear } from '../../src/nn/linear.ts'
import type { QuantisedWeight } from '../../src/nn/quantised.ts'
import type { Device } from '../../src/runtime/device.ts'
import { firstDifference, runOnDevice } from './run-graph.ts'
import { openUnderTest } from './under-test.ts'

/** Weights that are dequantised where a product reads them: what the reference computes, at every size of either. */
let device: Device
beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

interface Case {
  readonly bits: 4 | 8
  readonly rows: number
  readonly out: number
  readonly width: number
  readonly group?: number
  readonly offsets?: boolean
  readonly x?: DType
  readonly scales?: DType
}

const CASES: readonly Case[] = [
  { bits: 4, rows: 1, out: 64, width: 128 },
  { bits: 8, rows: 1, out: 64, width: 128 },
  { bits: 4, rows: 1, out: 37, width: 96, offsets: true },
  { bits: 8, rows: 2, out: 5, width: 20, group: 4 },
  { bits: 4, rows: 3, out: 70, width: 48, group: 16 },
  { bits: 8, rows: 4, out: 33, width: 36, group: 12, offsets: true },
  { bits: 4, rows: 5, out: 3, width: 512, group: 256 },
  { bits: 4, rows: 8, out: 130, width: 256, group: 64, offsets: true },
  { bits: 8, rows: 8, out: 12, width: 64 },
  { bits: 4, rows: 9, out: 40, width: 72, group: 24 },
  { bits: 4, rows: 33, out: 65, width: 96, offsets: true },
  { bits: 8, rows: 64, out: 72, width: 128 },
  { bits: 4, rows: 70, out: 96, width: 160 },
  { bits: 4, rows: 1, out: 40, width: 64, scales: 'f16' },
  { bits: 4, rows: 20, out: 40, width: 64, scales: 'f16', offsets: true },
  { bits: 8, rows: 3, out: 40, width: 64, scales: 'f16', x: 'f16' },
  { bits: 4, rows: 17, out: 24, width: 64, x: 'f16' },
]

const nameOf = ({ bits, rows, out, width, group = 32, offsets, x = 'f32', scales = 'f32' }: Case): string =>
  `${rows} rows of ${x} by [${out},${width}] of ${bits} bits in groups of ${group}, scales ${scales}${offsets ? ' and offsets' : ''}`

describe.each(CASES.map((c) => [nameOf(c), c] as const))('%s', (_, c) => {
  const { bits, rows, out, width, group = 32, x = 'f32', scales: kind = 'f32' } = c
  const { packed, scales } = quantise(numbers([out, width], 'f32', 1), { bits, group })
  const weights = [packed, as(scales, kind), ...(c.offsets ? [numbers(scales.shape, kind, 2)] : [])]
  const weightOf = (words: Tensor, factors: Tensor, offsets?: Tensor): QuantisedWeight => {
    const groups = { scales: factors, ...(offsets ? { offsets } : {}) }
    return bits === 4 ? { int4: words, ...groups } : { int8: words, ...groups }
  }
  const agrees = async (fn: (...args: Tensor[]) => Tensor, inputs: HostArray[]): Promise<void> => {
    const graph = traceGraph(
      fn as (...args: never[]) => unknown,
      inputs.map((i) => spec(i.shape, i.dtype)),
    )
    const [expected] = evaluate(graph, inputs)
    const [got] = await runOnDevice(device, graph, inputs, false)
    const [again] = await runOnDevice(device, graph, inputs, false)
    expect(firstDifference(expected!, got!)).toBeNull()
    expect(again!.data).toEqual(got!.data)
  }
  const needs = (skip: (condition: boolean, note: string) => void): void =>
    skip((x === 'f16' || kind === 'f16') && !device.limits.f16, 'no shader-f16')

  test('multiplies', async ({ skip }) => {
    needs(skip)
    const fn = (a: Tensor, ...weight: Tensor[]): Tensor =>
      linear(a, { weight: weightOf(...(weight as [Tensor, Tensor])) })
    await agrees(fn, [numbers([rows, width], x, 3), ...weights])
  })

  test('carries a gradient to what it multiplies', async ({ skip }) => {
    needs(skip)
    const loss = (a: Tensor, ct: Tensor, ...weight: Tensor[]): Tensor =>
      sum(cast(mul(linear(a, { weight: weightOf(...(weight as [Tensor, Tensor])) }), ct), 'f32'))
    const gradient = grad(loss)
    await agrees(gradient, [numbers([rows, width], x, 3), numbers([rows, out], x, 4), ...weights])
  })

  test('is looked up', async ({ skip }) => {
    needs(skip)
    const ids: HostArray = {
      dtype: 'i32',
      shape: [rows],
      data: Int32Array.from({ length: rows }, (_, i) => (7 * i) % out),
    }
    const fn = (at: Tensor, ...weight: Tensor[]): Tensor =>
      embedding(at, { weight: weightOf(...(weight as [Tensor, Tensor])) })
    await agrees(fn, [ids, ...weights])
  })
})

function numbers(shape: readonly number[], dtype: DType, seed: number): HostArray {
  const length = shape.reduce((n, s) => n * s, 1)
  const data = Float32Array.from({ length }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed))
  return as({ dtype: 'f32', shape, data }, dtype)
}

const as = (array: HostArray, dtype: DType): HostArray =>
  dtype === 'f16' ? { dtype, shape: array.shape, data: Uint16Array.from(array.data, numberToF16) } : array
