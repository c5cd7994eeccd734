import { describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/grad.ts'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { embedding, linear } from '../../src/nn/linear.ts'
import { buildFn, DEFAULT_LIMITS, WASM_LIMITS } from './build.ts'

const [O, I] = [96, 128]
const int4 = { int4: w.spec([O, I / 8], 'i32'), scales: w.spec([O, I / 32]) }
const int8 = { int8: w.spec([O, I / 4], 'i32'), scales: w.spec([O, I / 32]), offsets: w.spec([O, I / 32]) }
type Quantised = { int4: Tensor; scales: Tensor } | { int8: Tensor; scales: Tensor; offsets: Tensor }

describe.each([
  ['wgsl', DEFAULT_LIMITS],
  ['wasm', WASM_LIMITS],
] as const)('operands that are computed where a product reads them: %s', (_, limits) => {
  const kernelsAndTemporaries = (fn: (...args: never[]) => unknown, ...specs: unknown[]): readonly [number, number] => {
    const { reports, memory } = buildFn(fn, specs, limits)
    return [reports.length, memory.intervals.length]
  }

  test.each([1, 8, 70])('a quantised weight, %i rows', (rows) => {
    const fn = (x: Tensor, weight: Quantised): Tensor => w.relu(linear(x, { weight }))
    for (const weight of [int4, int8]) {
      expect(kernelsAndTemporaries(fn, w.spec([rows, I]), weight)).toEqual([1, 0])
    }
  })

  test('forward and backward, each of which computes it again', () => {
    const loss = (x: Tensor, weight: Quantised): Tensor => w.sum(w.square(linear(x, { weight })))
    const { memory } = buildFn(grad(loss), [w.spec([16, I]), int4], limits)
    expect(Math.max(...memory.intervals.map((i) => i.buffer.bytes))).toBe(4 * 16 * O)
  })

  test('rows of a quantised weight are dequantised where they are used', () => {
    const fn = (ids: Tensor, weight: Quantised): Tensor => w.mul(embedding(ids, { weight }), 2)
    expect(kernelsAndTemporaries(fn, w.spec([10], 'i32'), int4)).toEqual([1, 0])
  })

  test('but not what is as large as that of which it is made, nor what is costly', () => {
    const sum = (x: Tensor, a: Tensor, b: Tensor): Tensor => w.matmul(x, w.add(a, b))
    expect(kernelsAndTemporaries(sum, w.spec([4, I]), w.spec([I, O]), w.spec([I, O]))).toEqual([2, 1])
    const outer = (x: Tensor, a: Tensor): Tensor => w.matmul(x, w.exp(w.sin(w.mul(a, w.expandDims(a, -1)))))
    expect(kernelsAndTemporaries(outer, w.spec([4, I]), w.spec([I]))).toEqual([2, 1])
  })
})
