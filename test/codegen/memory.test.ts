import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BufferRef, Step } from '../../src/codegen/program.ts'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { arbProgram, build, kindsIn } from '../ir/programs.ts'
import { buildFn, buildGraph } from './build.ts'

describe('the memory plan', () => {
  test('values alive at one time never share a slot, on random graphs', () => {
    fc.assert(
      fc.property(arbProgram, fc.boolean(), (program, donated) => {
        const graph = build(program)
        fc.pre(!kindsIn(graph).includes('customVjp'))
        const { memory } = buildGraph(graph, undefined, donated)
        for (const a of memory.intervals) {
          expect(memory.slots[a.slot]).toBeGreaterThanOrEqual(a.buffer.bytes)
          for (const b of memory.intervals) {
            if (a !== b && a.slot === b.slot) expect(a.last < b.first || b.last < a.first).toBe(true)
          }
        }
        expect(memory.peak).toBeGreaterThanOrEqual(memory.livenessBound)
      }),
      { numRuns: 300 },
    )
  })

  test('no kernel reads and writes one buffer through two bindings, on random graphs', () => {
    fc.assert(
      fc.property(arbProgram, (program) => {
        const graph = build(program)
        fc.pre(!kindsIn(graph).includes('customVjp'))
        const built = buildGraph(graph, undefined, true).program
        const check = (steps: readonly Step[]): void => {
          for (const step of steps) {
            if (step.kind === 'loop') check(step.steps)
            if (step.kind !== 'dispatch') continue
            const key = (r: BufferRef): string => {
              const alias = r.kind === 'output' ? built.outputs[r.index]!.aliasOf : null
              return alias === null ? `${r.kind} ${r.index}` : `input ${alias}`
            }
            const written = step.buffers.filter((_, i) => built.kernels[step.kernel]!.bindings[i] === 'read_write')
            for (const b of written) expect(step.buffers.filter((other) => key(other) === key(b)).length).toBe(1)
          }
        }
        check(built.steps)
      }),
      { numRuns: 300 },
    )
  })

  test('a deep chain of layers needs two buffers, whatever its depth', () => {
    const deep = (x: Tensor, m: Tensor): Tensor => Array.from({ length: 12 }).reduce<Tensor>((h) => w.matmul(h, m), x)
    const { memory } = buildFn(deep, [w.spec([32, 32]), w.spec([32, 32])])
    expect(memory.unplanned).toBe(11 * 4096)
    expect(memory.peak).toBe(2 * 4096)
  })

  test('donated state is updated in place', () => {
    const step = (p: Tensor, g: Tensor): Tensor => w.sub(p, w.mul(g, 0.1))
    const { program } = buildGraph(buildable(step), undefined, true)
    expect(program.outputs[0]!.aliasOf).toBe(0)
    expect(program.slots).toEqual([])
  })

  test('a cache window is written in place where the cache is donated, else in a copy', () => {
    const write = (cache: Tensor, row: Tensor, at: Tensor): Tensor => w.dynamicUpdateSlice(cache, row, at)
    const specs = [w.spec([100, 4]), w.spec([1, 4]), w.spec([2], 'i32')]
    const kinds = (donated: boolean): string[] =>
      buildGraph(buildable(write, specs), undefined, donated).program.steps.map((s) => s.kind)
    expect(kinds(true)).toEqual(['dispatch'])
    expect(kinds(false)).toEqual(['copy', 'dispatch'])
  })
})

import { traceGraph } from '../../src/ir/make-graph.ts'

const buildable = (fn: (...args: never[]) => unknown, specs: readonly unknown[] = [w.spec([8]), w.spec([8])]) =>
  traceGraph(fn, specs)
