import { describe, expect, test } from 'vitest'
import type { Program, Step } from '../../src/codegen/program.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { buildGraph, DEFAULT_LIMITS, WASM_LIMITS } from './build.ts'
import { buildModel, llamaDecoding, llamaGradient } from './models.ts'

/** Bytes of each copy, those within loops once. */
const copies = (steps: readonly Step[]): number[] =>
  steps.flatMap((s) => (s.kind === 'loop' ? copies(s.steps) : s.kind === 'copy' ? [s.bytes] : []))

describe.each([
  ['wgsl', DEFAULT_LIMITS],
  ['wasm', WASM_LIMITS],
] as const)('on %s', (_, limits) => {
  test('a decode step writes its token into the cache that it is given, and needs no memory for it', () => {
    const [short, long] = [64, 1024].map((S) => buildModel(llamaDecoding(S), limits))
    const { inputs, outputs, steps } = short!.program
    expect(copies(steps)).toEqual([])
    const cacheInputs = inputs.flatMap(({ donated }, i) => (donated ? [i] : []))
    // All but the logits, each in its own place; the length may be read again after the next one is known.
    expect(outputs.slice(0, -1).map((o) => o.aliasOf)).toEqual([null, ...cacheInputs.slice(0, -1)])
    const perPosition = (long!.memory.peak - short!.memory.peak) / (1024 - 64)
    // The scores of one token grow: three rows of 4 heads at most. The cache has 768 bytes for each position.
    expect(perPosition).toBeLessThan(3 * 4 * 4)
  })

  test('checkpoint lowers the planned peak of a deep model: what is computed again stays so', () => {
    const [kept, again] = [false, true].map((checkpointed) => buildModel(llamaGradient(8, checkpointed), limits))
    expect(again!.memory.peak).toBeLessThan(kept!.memory.peak / 4)
    expect(again!.reports.length).toBeGreaterThan(kept!.reports.length)
  })

  const built = (fn: (...args: never[]) => unknown, specs: readonly unknown[], donated = true): Program =>
    buildGraph(traceGraph(fn, specs), limits, donated).program

  test('what replaces the whole of a donated cache takes its memory', () => {
    const fill = (cache: Tensor, rows: Tensor): Tensor => w.dynamicUpdateSlice(cache, w.matmul(rows, rows), [0, 0])
    const specs = [w.spec([64, 64]), w.spec([64, 64])]
    const [given, kept] = [true, false].map((donated) => built(fill, specs, donated).outputs[0]!.aliasOf)
    expect([given, kept]).toEqual([0, null])
  })

  test('a cache that a scan carries is written in place, in the memory that was donated', () => {
    const decode = (cache: Tensor, rows: Tensor) =>
      w.scan(
        ([c, i]: readonly [Tensor, Tensor], row: Tensor) => {
          const next = w.dynamicUpdateSlice(c, row, [i, 0])
          return [[next, w.add(i, 1)], w.sum(next)] as const
        },
        [cache, w.zeros([], 'i32')] as const,
        rows,
      )
    const specs = [w.spec([100, 4]), w.spec([5, 1, 4])]
    const { steps, outputs } = built(decode, specs)
    expect(outputs[0]!.aliasOf).toBe(0)
    // Where the loop stands is all that is copied.
    expect(Math.max(...copies(steps))).toBe(4)
    expect(copies(built(decode, specs, false).steps)).toContain(1600)
  })

  test('so is state that a scan computes element by element', () => {
    const descend = (p: Tensor, xs: Tensor) =>
      w.scan(
        ([p, m, v]: readonly [Tensor, Tensor, Tensor], x: Tensor) => {
          const g = w.mul(p, x)
          const mean = w.add(w.mul(m, 0.9), g)
          const variance = w.add(w.mul(v, 0.9), w.square(g))
          return [[w.sub(p, w.div(mean, variance)), mean, variance], w.sum(x)] as const
        },
        [p, w.zeros([100]), w.ones([100])] as const,
        xs,
      )
    const { steps, outputs } = built(descend, [w.spec([100]), w.spec([5, 100])])
    expect(outputs[0]!.aliasOf).toBe(0)
    expect(Math.max(...copies(steps))).toBe(4)
  })

  test('a carry whose first value is read again, or carried twice, is a copy', () => {
    const twice = (a: Tensor, xs: Tensor) =>
      w.scan(
        ([p, q]: readonly [Tensor, Tensor], x: Tensor) => [[w.add(p, x), w.mul(q, x)], w.sum(x)],
        [a, a] as const,
        xs,
      )
    expect(copies(built(twice, [w.spec([100]), w.spec([5, 100])]).steps)).toContain(400)
    const after = (a: Tensor, xs: Tensor): unknown => [
      w.scan((p: Tensor, x: Tensor) => [w.add(p, x), null], a, xs)[0],
      w.exp(a),
    ]
    expect(copies(built(after, [w.spec([100]), w.spec([5, 100])]).steps)).toContain(400)
  })
})
