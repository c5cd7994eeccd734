import { expect, test } from 'vitest'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { buildFn, WASM_LIMITS } from './build.ts'

type T = Tensor
type Fn = (...args: never[]) => unknown

const X = w.spec([8, 8])
const matrices = (n: number): unknown[] => new Array<unknown>(n).fill(X)
/** How many different kernels a function of matrices has. */
const pipelines = (fn: Fn, count: number): number => buildFn(fn, matrices(count), WASM_LIMITS).program.kernels.length

test('layers that are alike are the same kernels, each reading its own', () => {
  const layer = (x: T, a: T, b: T): T => w.softmax(w.add(w.relu(w.matmul(x, a)), b))
  const one = (x: T, a: T, b: T): T => layer(x, a, b)
  const three = (x: T, a: T, b: T, c: T, d: T, e: T, f: T): T => layer(layer(layer(x, a, b), c, d), e, f)
  expect(pipelines(three as Fn, 7)).toBe(pipelines(one as Fn, 3))
  const { program } = buildFn(three as Fn, matrices(7), WASM_LIMITS)
  const read = program.steps.flatMap((s) => (s.kind === 'dispatch' ? s.buffers : []))
  const inputs = new Set(read.flatMap((b) => (b.kind === 'input' ? b.index : [])))
  expect([...inputs].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
})

test.each<[string, (x: T) => T, (x: T) => T]>([
  ['another number', (x) => w.mul(x, 2), (x) => w.mul(x, 3)],
  ['the sign of a zero', (x) => w.maximum(x, 0), (x) => w.maximum(x, -0)],
  ['another operation', (x) => w.sin(x), (x) => w.cos(x)],
  ['other axes', (x) => w.sum(x, 0, { keepDims: true }), (x) => w.sum(x, 1, { keepDims: true })],
  ['another order', (x) => w.sub(x, w.sin(x)), (x) => w.sub(w.sin(x), x)],
])('%s makes another kernel', (_, one, other) => {
  expect(pipelines((x: T, y: T): T[] => [one(x), one(y)], 2)).toBe(1)
  expect(pipelines((x: T, y: T): T[] => [one(x), other(y)], 2)).toBe(2)
})

test('so does the same operand given twice', () => {
  expect(pipelines((x: T, y: T, z: T): T[] => [w.mul(w.sin(x), y), w.mul(w.sin(z), z)], 3)).toBe(2)
})
