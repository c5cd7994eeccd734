import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type PlacementRules, placeIntervals } from '../../src/codegen/arenas.ts'
import { type Interval, livenessBound } from '../../src/codegen/live-intervals.ts'
import type { MemoryPlan } from '../../src/codegen/memory-plan.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { checkProgram } from '../../src/runtime/check-program.ts'
import { arbProgram, build, kindsIn } from '../ir/programs.ts'
import { buildFn, buildGraph, DEFAULT_LIMITS, WASM_LIMITS } from './build.ts'
import { buildModel, MODELS } from './models.ts'

/** Bytes of temporaries that are alive at one time and yet share memory, and other breaches of a plan. */
function checkPlan({ intervals, places, arenas, livenessBound, peak }: MemoryPlan, rules: PlacementRules): void {
  const placed = intervals.map((interval) => ({ interval, ...places.get(interval)! }))
  for (const [i, { interval: a, arena, offset }] of placed.entries()) {
    expect(offset % rules.alignment).toBe(0)
    expect(offset + a.buffer.bytes).toBeLessThanOrEqual(arenas[arena]!.bytes)
    for (const { interval: b, ...other } of placed.slice(i + 1)) {
      const together = a.first <= b.last && b.first <= a.last && arena === other.arena
      if (together)
        expect(offset + a.buffer.bytes <= other.offset || other.offset + b.buffer.bytes <= offset).toBe(true)
    }
  }
  for (const { bytes } of arenas) expect(bytes).toBeLessThanOrEqual(rules.mostBytes)
  expect(peak).toBeGreaterThanOrEqual(livenessBound)
}

const TARGETS = { wgsl: [DEFAULT_LIMITS, 256], wasm: [WASM_LIMITS, 64] } as const

describe.each(['wgsl', 'wasm'] as const)('a plan for %s', (target) => {
  const [limits, alignment] = TARGETS[target]

  test('lets no two values that are alive at one time overlap, and the device takes it, on random graphs', () => {
    fc.assert(
      fc.property(arbProgram, fc.boolean(), fc.constantFrom(2 ** 28, 1024), (program, donated, bufferBytes) => {
        const graph = build(program)
        fc.pre(!kindsIn(graph).includes('customVjp'))
        const built = buildGraph(graph, { ...limits, bindingBytes: bufferBytes, bufferBytes }, donated)
        checkPlan(built.memory, { alignment, mostBytes: bufferBytes })
        checkProgram(built.program, limits)
      }),
      { numRuns: 300 },
    )
  })

  test('takes hardly more than what is alive at one time, for every model', () => {
    for (const [name, model] of Object.entries(MODELS)) {
      const { memory, program } = buildModel(model(), limits)
      checkPlan(memory, { alignment, mostBytes: limits.bufferBytes })
      checkProgram(program, limits)
      expect(memory.peak, name).toBeLessThanOrEqual(1.05 * memory.livenessBound)
    }
  })
})

describe('the memory plan', () => {
  const arbIntervals = fc
    .array(fc.record({ first: fc.nat(60), length: fc.nat(20), bytes: fc.integer({ min: 1, max: 2000 }) }), {
      minLength: 1,
      maxLength: 60,
    })
    .map((list) =>
      list.map(({ first, length, bytes }, id): Interval => {
        const buffer = { id, bytes, name: `${id}`, ref: null, writable: true }
        return { buffer, first, last: first + length, apart: new Set() }
      }),
    )

  test('holds for any lives, sizes and forbidden neighbours', () => {
    fc.assert(
      fc.property(arbIntervals, fc.array(fc.tuple(fc.nat(59), fc.nat(59))), (intervals, pairs) => {
        for (const [a, b] of pairs.map((pair) => pair.map((i) => intervals[i]))) {
          if (!a || !b || a === b) continue
          a.apart.add(b)
          b.apart.add(a)
        }
        const rules = { alignment: 64, mostBytes: 4096 }
        const placement = placeIntervals(intervals, livenessBound(intervals), rules)
        const arenas = placement.arenas.map((bytes) => ({ bytes, largest: '' }))
        checkPlan({ ...placement, arenas, intervals, livenessBound: livenessBound(intervals), unplanned: 0 }, rules)
        for (const a of intervals) {
          for (const b of a.apart) expect(placement.places.get(a)!.arena).not.toBe(placement.places.get(b)!.arena)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('no kernel binds more buffers than the device allows, on random graphs, in place or not', () => {
    fc.assert(
      fc.property(arbProgram, fc.boolean(), fc.integer({ min: 4, max: 8 }), (program, donated, most) => {
        const graph = build(program)
        fc.pre(!kindsIn(graph).includes('customVjp'))
        const { kernels } = buildGraph(graph, { ...DEFAULT_LIMITS, storageBuffersPerKernel: most }, donated).program
        expect(Math.max(0, ...kernels.map((k) => k.bindings.length))).toBeLessThanOrEqual(most)
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
    expect(program.arenas).toEqual([])
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

const buildable = (fn: (...args: never[]) => unknown, specs: readonly unknown[] = [w.spec([8]), w.spec([8])]) =>
  traceGraph(fn, specs)
