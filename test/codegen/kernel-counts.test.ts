import { describe, expect, test } from 'vitest'
import { headOf } from '../../src/codegen/schedule.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { type AdamState, adamw, trainStep } from '../../src/train/index.ts'
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
    const products = reports.filter((r) => headOf(r.work).hero?.prim.kind === 'contract')
    expect(products.map((r) => r.inPlace)).toEqual([false, true])
    expect(program.outputs.every((o) => o.aliasOf !== null)).toBe(true)
    expect(Math.max(...memory.intervals.map((i) => i.buffer.bytes))).toBe(4 * 8 * 48)
  })

  test('of a small LLaMA', () => {
    expect(buildLlamaStep(DEFAULT_LIMITS).reports.length).toBeLessThanOrEqual(99)
  })
})
