import { describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import type { Built } from '../../src/codegen/build-program.ts'
import { groupsOf } from '../../src/codegen/schedule.ts'
import { stripComments } from '../../src/codegen/target.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import { spec, square, sum } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { attention } from '../../src/nn/attention.ts'
import { attentionByDefinition } from '../../src/nn/attention-definition.ts'
import { mmca, mmcaRelease } from '../../src/nn/mmca.ts'
import { rescore, type Variant } from '../../src/nn/variant.ts'
import { alibiScore, blockDiagonal, causal, full, padding, slidingWindow, softCap } from '../../src/nn/variants.ts'
import { runPasses } from '../../src/passes/pipeline.ts'
import { buildGraph, DEFAULT_LIMITS, WASM_LIMITS } from './build.ts'

const VARIANTS: Readonly<Record<string, (m: Tensor, slopes: Tensor) => Variant>> = {
  full: () => full,
  causal: () => causal,
  padding: (m) => padding(m),
  'sliding window': () => slidingWindow(100),
  'block-diagonal': (m) => blockDiagonal(m),
  'soft cap': () => softCap(5),
  mmca: (m) => mmca(m),
  'mmca of the release': (m) => mmcaRelease(m),
}

const [B, H, K, E] = [2, 4, 2, 16]

type Attend = typeof attention

/** The derivative of attention over T tokens by q, k, v and, where asked, by slopes. */
function gradient(attend: Attend, make: (m: Tensor, slopes: Tensor) => Variant, T: number, bySlopes = false) {
  const loss = ({ q, k, v, slopes }: Record<'q' | 'k' | 'v' | 'slopes', Tensor>, m: Tensor): Tensor =>
    sum(square(attend(q, k, v, make(m, slopes))))
  const derivative = grad(loss)
  const wanted = (args: Record<'q' | 'k' | 'v' | 'slopes', Tensor>, m: Tensor): unknown => {
    const { slopes, ...rest } = derivative(args, m)
    return bySlopes ? { ...rest, slopes } : rest
  }
  const kv = spec([B, K, T, E])
  return traceGraph(wanted, [{ q: spec([B, H, T, E]), k: kv, v: kv, slopes: spec([H]) }, spec([B, T], 'i32')])
}

describe.each([
  ['wgsl', DEFAULT_LIMITS],
  ['wasm', WASM_LIMITS],
] as const)('attention on %s', (_, limits) => {
  const build = (graph: ReturnType<typeof gradient>): Built => buildGraph(runPasses(graph), limits)
  const heroes = ({ reports }: Built): number =>
    reports.flatMap((r) => groupsOf(r.work)).filter((g) => g.hero?.prim.kind === 'attention').length

  test.each(Object.entries(VARIANTS))('%s: memory grows with the number of tokens, not with its square', (_, make) => {
    const [short, long] = [512, 2048].map((T) => build(gradient(attention, make, T)).memory.peak)
    expect(long!).toBeLessThanOrEqual(4.2 * short!)
    const byDefinition = build(gradient(attentionByDefinition, make, 2048)).memory.peak
    expect(long!).toBeLessThan(byDefinition / 50)
  })

  test('so it does with the derivative by a captured tensor', () => {
    const make = (_: Tensor, slopes: Tensor): Variant => rescore(causal, alibiScore(slopes))
    const [short, long] = [512, 2048].map((T) => build(gradient(attention, make, T, true)).memory.peak)
    expect(long!).toBeLessThanOrEqual(4.2 * short!)
  })

  test('forward it is one kernel, backward two more', () => {
    const forward = traceGraph(
      (q: Tensor, k: Tensor, v: Tensor) => attention(q, k, v, causal),
      [spec([B, H, 300, E]), spec([B, K, 300, E]), spec([B, K, 300, E])],
    )
    expect(build(forward).reports.length).toBe(1)
    const backward = build(gradient(attention, () => causal, 300))
    expect(heroes(backward)).toBe(3)
    // The cotangent of the output, and its products with the output; where 8 buffers are too few, also a copy.
    expect(backward.reports.length).toBeLessThanOrEqual(5)
  })

  test('another length makes no other kernel', () => {
    const texts = (T: number, make: (m: Tensor) => Variant): string[] =>
      build(gradient(attention, make, T)).program.kernels.map((k) => stripComments('wgsl' in k ? k.wgsl : k.text))
    for (const make of [() => causal, mmca]) {
      // Of one class: multiples of 8, and of tiles by 4. Vectors that run past an end must be clamped, which is another text.
      expect(texts(1000, make)).toEqual(texts(744, make))
    }
  })
})
