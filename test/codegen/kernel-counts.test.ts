import { describe, expect, test } from 'vitest'
import { explainProgram } from '../../src/codegen/explain.ts'
import { headOf, worksOf } from '../../src/codegen/schedule.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { type AdamState, adamw, applyUpdates, trainStep } from '../../src/train/index.ts'
import { buildGraph, DEFAULT_LIMITS } from './build.ts'
import { buildLlamaStep } from './llama-step.ts'

type T = Tensor

describe('kernels of a step of training', () => {
  const loss = (m: T, x: T): T => w.sum(w.square(w.matmul(x, m)))

  test('AdamW goes on where the product ends that makes the gradient, in place, which then is never stored', () => {
    const step = trainStep(loss, adamw({ learningRate: 1e-3 }))
    const update = (p: T, state: AdamState, x: T): unknown => {
      const { params, state: next } = step(p, state, x)
      return { params, next }
    }
    const m = w.spec([32, 48])
    const graph = traceGraph(update, [m, { step: w.spec([], 'i32'), mean: m, variance: m }, w.spec([8, 32])])
    const { reports, program, memory } = buildGraph(graph, DEFAULT_LIMITS, true)
    const products = reports.filter((r) => worksOf(r.work).some((work) => headOf(work).hero?.prim.kind === 'contract'))
    expect(products.map((r) => r.inPlace)).toEqual([false, true])
    expect(program.outputs.every((o) => o.aliasOf !== null)).toBe(true)
    expect(Math.max(...memory.intervals.map((i) => i.buffer.bytes))).toBe(4 * 8 * 48)
  })

  test('AdamW of many parameters: as few as their buffers allow', () => {
    const optimizer = adamw({ learningRate: 1e-3 })
    const shapes = [[300], [20, 30], [7, 11, 13], [5], [64, 64], [1000]]
    const params = shapes.map((shape) => w.spec(shape))
    const update = (p: T[], g: T[], state: AdamState): unknown => {
      const { updates, state: next } = optimizer.update(g, state, p)
      return [applyUpdates(p, updates), next]
    }
    const state = { step: w.spec([], 'i32'), mean: params, variance: params }
    const graph = traceGraph(update, [params, params, state])
    const calls = (storageBuffersPerKernel: number): number => {
      const built = buildGraph(graph, { ...DEFAULT_LIMITS, storageBuffersPerKernel }, true)
      expect(Math.max(...built.program.kernels.map((k) => k.bindings.length))).toBeLessThanOrEqual(
        storageBuffersPerKernel,
      )
      return built.reports.length
    }
    // Four buffers for each parameter, and two scalars, which one more kernel computes.
    expect(calls(8)).toBe(1 + 6)
    expect(calls(10)).toBe(1 + 3)
    expect(calls(16)).toBe(1 + 2)
  })

  test('of a small LLaMA', () => {
    expect(buildLlamaStep(DEFAULT_LIMITS).reports.length).toBeLessThanOrEqual(79)
    expect(buildLlamaStep({ ...DEFAULT_LIMITS, storageBuffersPerKernel: 16 }).reports.length).toBeLessThanOrEqual(67)
  })
})

describe('products that share an operand', () => {
  const specs = (...shapes: (readonly number[])[]): unknown[] => shapes.map((shape) => w.spec([...shape]))
  const calls = (fn: (...args: T[]) => unknown, shapes: (readonly number[])[]): number =>
    buildGraph(traceGraph(fn, specs(...shapes)), DEFAULT_LIMITS).reports.length

  test('queries, keys and values, of different widths, are one kernel', () => {
    const project = (x: T, q: T, k: T, v: T): T[] => [q, k, v].map((m) => w.matmul(x, m))
    expect(
      calls(project, [
        [32, 48],
        [48, 96],
        [48, 64],
        [48, 64],
      ]),
    ).toBe(1)
  })

  test('gate and up are two, the second with what becomes of both', () => {
    const gated = (x: T, gate: T, up: T): T => w.mul(w.silu(w.matmul(x, gate)), w.matmul(x, up))
    expect(
      calls(gated, [
        [32, 48],
        [48, 64],
        [48, 64],
      ]),
    ).toBe(2)
  })

  test('explain says what is side by side, and what goes on where a product ends', () => {
    const both = (x: T, a: T, b: T): T[] => [w.matmul(x, a), w.matmul(x, b), w.relu(w.matmul(x, a))]
    const graph = traceGraph(both, specs([32, 48], [48, 64], [48, 96]))
    const text = explainProgram(graph, buildGraph(graph, DEFAULT_LIMITS), 'none')
    expect(text).toContain('1 of 2 side by side, which know nothing of one another')
    expect(text).toContain('joined: all of it is done to the elements that the first group makes')
  })

  test('but none that needs the other', () => {
    const chain = (x: T, m: T): T => w.matmul(w.matmul(x, m), m)
    expect(
      calls(chain, [
        [32, 32],
        [32, 32],
      ]),
    ).toBe(2)
  })
})
