import { describe, expect, it } from 'vitest'
import { type Graph, type TensorType, tensorType } from '../../src/ir/graph.ts'
import { nested } from '../../src/ir/prims/index.ts'
import { rawOps as o } from '../../src/ir/raw-ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { bind, trace } from '../../src/ir/trace.ts'
import { dce } from '../../src/passes/dce.ts'
import { simplify } from '../../src/passes/simplify.ts'
import { bool, expectSameResults, f32, graphOf, i32, inputsFor, names } from './helpers.ts'

type Case = readonly [string, readonly TensorType[], (...args: Tensor[]) => Tensor, readonly string[]]

const f16 = (...shape: number[]): TensorType => tensorType('f16', shape)
const two = f32(2, 3)

function sumAndMax(x: Tensor | undefined): Tensor {
  const rows = o.sum(x!, 1)
  return o.add(o.sum(rows), o.max(rows))
}

/** What the expression becomes: the primitives that are left, in order. */
const cases: readonly Case[] = [
  ['x + 0', [two], (x) => o.add(x!, 0), []],
  ['0 + x', [two], (x) => o.add(0, x!), []],
  ['x - 0', [two], (x) => o.sub(x!, 0), []],
  ['0 - x', [two], (x) => o.sub(0, x!), ['neg']],
  ['x * 1', [two], (x) => o.mul(x!, 1), []],
  ['-1 * x', [two], (x) => o.mul(-1, x!), ['neg']],
  ['0 * x for floats stays: x may be NaN', [two], (x) => o.mul(0, x!), ['full', 'mul']],
  ['0 * x for integers', [i32(2, 3)], (x) => o.mul(0, x!), ['full']],
  ['x / 1', [two], (x) => o.div(x!, 1), []],
  ['x ** 0', [two], (x) => o.pow(x!, 0), ['full']],
  ['x ** 1', [two], (x) => o.pow(x!, 1), []],
  ['x ** 2', [two], (x) => o.pow(x!, 2), ['mul']],
  ['x ** -1', [two], (x) => o.pow(x!, -1), ['full', 'div']],
  ['-(-x)', [two], (x) => o.neg(o.neg(x!)), []],
  ['-(x - y)', [two, two], (x, y) => o.neg(o.sub(x!, y!)), ['sub']],
  ['x + -y', [two, two], (x, y) => o.add(x!, o.neg(y!)), ['sub']],
  ['-x + y', [two, two], (x, y) => o.add(o.neg(x!), y!), ['sub']],
  ['x - -y', [two, two], (x, y) => o.sub(x!, o.neg(y!)), ['add']],
  ['-x * -y', [two, two], (x, y) => o.mul(o.neg(x!), o.neg(y!)), ['mul']],
  ['-x / -y', [two, two], (x, y) => o.div(o.neg(x!), o.neg(y!)), ['div']],
  ['||x||', [two], (x) => o.abs(o.abs(x!)), ['abs']],
  ['|-x|', [two], (x) => o.abs(o.neg(x!)), ['abs']],
  ['x - x stays: x may be infinite', [two], (x) => o.sub(x!, x!), ['sub']],
  ['x == x stays: x may be NaN', [two], (x) => o.eq(x!, x!), ['eq']],
  ['max(x, x)', [two], (x) => o.maximum(x!, x!), []],
  ['max(x, -inf)', [two], (x) => o.maximum(x!, -Infinity), []],
  ['min(inf, x)', [two], (x) => o.minimum(Infinity, x!), []],
  ['not not p', [bool(3)], (p) => o.not(o.not(p!)), []],
  ['p and true', [bool(3)], (p) => o.and(p!, o.full('bool', [3], 1)), []],
  ['false and p', [bool(3)], (p) => o.and(o.full('bool', [3], 0), p!), ['full']],
  ['p or true', [bool(3)], (p) => o.or(p!, o.full('bool', [3], 1)), ['full']],
  ['i and -1', [i32(3)], (x) => o.and(x!, -1), []],
  ['i or 0', [i32(3)], (x) => o.or(x!, 0), []],
  ['i xor 0', [i32(3)], (x) => o.xor(x!, 0), []],
  ['i << 0', [i32(3)], (x) => o.shiftLeft(x!, 0), []],
  ['where(true, x, y)', [two, two], (x, y) => o.where(o.full('bool', [2, 3], 1), x!, y!), []],
  ['where(p, x, x)', [bool(2, 3), two], (p, x) => o.where(p!, x!, x!), []],
  ['where(not p, x, y)', [bool(2, 3), two, two], (p, x, y) => o.where(o.not(p!), x!, y!), ['select']],
  ['f16 to f32 to f16', [f16(3)], (x) => o.cast(o.cast(x!, 'f32'), 'f16'), []],
  ['bool to i32 to f32', [bool(3)], (x) => o.cast(o.cast(x!, 'i32'), 'f32'), ['cast']],
  ['f32 to f16 to f32 stays: it rounds', [two], (x) => o.cast(o.cast(x!, 'f16'), 'f32'), ['cast', 'cast']],
  ['f32 to i32 to f32 stays', [two], (x) => o.cast(o.cast(x!, 'i32'), 'f32'), ['cast', 'cast']],
  ['stop_gradient', [two], (x) => o.stopGradient(x!), []],
  ['barrier stays', [two], (x) => o.barrier(o.barrier(x!)), ['barrier', 'barrier']],
  ['transpose and back', [f32(2, 3, 4)], (x) => o.transpose(o.transpose(x!, [1, 2, 0]), [2, 0, 1]), []],
  ['two transposes', [f32(2, 3, 4)], (x) => o.transpose(o.transpose(x!, [1, 2, 0]), [1, 2, 0]), ['transpose']],
  ['reshape and back', [two], (x) => o.reshape(o.reshape(x!, [6]), [2, 3]), []],
  ['two reshapes', [two], (x) => o.reshape(o.reshape(x!, [6]), [3, 2]), ['reshape']],
  ['two broadcasts', [f32(3)], (x) => o.broadcastTo(o.broadcastTo(x!, [2, 3]), [4, 2, 3]), ['broadcast']],
  ['expandDims and broadcast', [two], (x) => o.broadcastTo(o.expandDims(x!, 1), [2, 5, 3]), ['broadcast']],
  ['flip and back', [two], (x) => o.flip(o.flip(x!, 1), 1), []],
  ['two flips', [two], (x) => o.flip(o.flip(x!, 0), 1), ['flip']],
  ['flip of an axis of size 1', [f32(1, 3)], (x) => o.flip(x!, 0), []],
  ['slice of a slice', [f32(9)], (x) => o.slice(o.slice(x!, [1], [9], [2]), [1], [4], [2]), ['slice']],
  ['slice of one part of a concat', [two, two], (x, y) => o.slice(o.concat([x!, y!], 0), [2, 0], [4, 3]), []],
  ['slice within a part', [two, two], (x, y) => o.slice(o.concat([x!, y!], 0), [2, 1], [3, 3]), ['slice']],
  ['concat with nothing', [two, f32(0, 3)], (x, y) => o.concat([y!, x!, y!], 0), []],
  ['sum over axes of size 1', [f32(2, 1, 3)], (x) => o.sum(x!, 1), ['reshape']],
  ['sum of a sum', [f32(2, 4, 3)], (x) => o.sum(o.sum(x!, 1), 1), ['sum']],
  ['sum of a sum that others read stays', [two], sumAndMax, ['sum', 'sum', 'max', 'add']],
  ['max of a sum stays', [two], (x) => o.max(o.sum(x!, 1)), ['sum', 'max']],
  ['cumsum over one element', [f32(1, 3)], (x) => o.cumsum(x!, 0), []],
  ['a window as large as the whole', [two], (x) => o.dynamicSlice(x!, o.iota('i32', [2], 0), [2, 3]), []],
  [
    'constants through everything',
    [],
    () => o.sum(o.transpose(o.broadcastTo(o.mul(o.full('f32', [3], 2), 3), [2, 3]))),
    ['full'],
  ],
  ['transpose of a product', [two, f32(3, 4)], (x, y) => o.transpose(matmul(x!, y!)), ['dot']],
  ['product of transposed', [f32(3, 2), f32(4, 3)], (x, y) => matmul(o.transpose(x!), o.transpose(y!)), ['dot']],
  ['an empty result', [f32(0, 3)], (x) => o.exp(x!), ['full']],
]

const matmul = (a: Tensor, b: Tensor): Tensor =>
  o.dot(a, b, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] })

describe('simplify', () => {
  it.each(cases)('%s', (_, types, fn, left) => {
    const graph = graphOf(types, (...args) => [fn(...args)])
    const after = dce(simplify(graph))
    expect(names(after)).toEqual(left)
    expectSameResults(graph, after, inputsFor(graph), 1e-6)
  })

  it('keeps the source of the equation that a new one stands for', () => {
    const graph = graphOf([two], (x) => [o.pow(x!, 2)])
    const [mul] = dce(simplify(graph)).equations
    expect(mul!.source!.location()).toMatch(/simplify\.test\.ts/)
  })
})

describe('loops', () => {
  const step = (types: readonly TensorType[], fn: (...args: Tensor[]) => readonly Tensor[]): Graph =>
    trace('step', types, fn).graph
  const loop = (body: Graph, consts: number, carries: number, ...inputs: Tensor[]): Tensor[] =>
    bind(nested.scan, inputs, { body, length: 3, consts, carries, reverse: false })

  it('take constant inputs into the body, where they fold', () => {
    const body = step([f32(2), f32(2), f32(2)], (w, h, x) => [o.add(o.mul(w!, h!), x!)])
    const graph = graphOf([f32(2)], (h) => loop(body, 1, 1, o.full('f32', [2], 1), h!, o.full('f32', [3, 2], 0)))
    const after = dce(simplify(graph))
    expect(after.equations.map((e) => e.inputs.length)).toEqual([1])
    expect(names(bodyOf(after))).toEqual([])
    expectSameResults(graph, after, inputsFor(graph))
  })

  it('read one tensor given twice once, and give one result made twice once', () => {
    const body = step([f32(2), f32(2), f32(2)], (h, x, y) => [o.add(h!, o.mul(x!, y!)), h!, h!])
    const graph = graphOf([f32(2), f32(3, 2)], (h, x) => {
      const [last, a, b] = loop(body, 0, 1, h!, x!, x!)
      return [last!, o.add(a!, b!)]
    })
    const after = dce(simplify(graph))
    const scan = after.equations.find((e) => e.prim.kind === 'loop')!
    expect([scan.inputs.length, scan.outputs.length]).toEqual([2, 2])
    expectSameResults(graph, after, inputsFor(graph))
  })

  const bodyOf = (graph: Graph): Graph => {
    const body = graph.equations.find((e) => e.prim.kind === 'loop')?.attrs['body']
    if (typeof body !== 'object' || !('equations' in body)) throw new Error('no loop')
    return body
  }
})
