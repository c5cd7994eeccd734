import { describe, expect, it } from 'vitest'
import { explainProgram } from '../../../src/codegen/explain.ts'
import { chooseTiling, shapeClass, tilingsFor } from '../../../src/codegen/gpu/choose-tiling.ts'
import type { DeviceLimits, GpuTraits, WgslKernel } from '../../../src/codegen/program.ts'
import { traceGraph } from '../../../src/ir/make-graph.ts'
import { matmul, spec } from '../../../src/ir/ops.ts'
import type { Tensor } from '../../../src/ir/tensor.ts'
import { buildGraph, DEFAULT_LIMITS } from '../build.ts'

const limitsOf = (traits: Partial<GpuTraits>): DeviceLimits => ({
  ...DEFAULT_LIMITS,
  gpu: { onProcessor: false, subgroupSize: null, adapter: null, measured: {}, ...traits },
})
const CARD = limitsOf({})
const PROCESSOR = limitsOf({ onProcessor: true, subgroupSize: 8 })
const sizes = (m: number, k: number, n: number, batch = 1) => ({ batch, m, n, k })

describe('the tiling of a product', () => {
  it.each([
    [CARD, sizes(2048, 2048, 2048), 'staged'],
    [CARD, sizes(1, 4096, 4096), 'sliced'],
    [CARD, sizes(64, 8192, 64), 'sliced'],
    [PROCESSOR, sizes(1024, 1024, 1024), 'broadcast'],
    [PROCESSOR, sizes(1, 1024, 1024), 'sliced'],
    [limitsOf({ onProcessor: true }), sizes(1024, 1024, 1024), 'registers'],
    [limitsOf({ onProcessor: true, subgroupSize: 32 }), sizes(1024, 1024, 1024), 'registers'],
  ])('suits adapter and sizes (%#)', (limits, product, form) => {
    expect(chooseTiling(product, limits).tiling.form).toBe(form)
  })

  it('is one that the device has room for', () => {
    const small = { ...CARD, invocationsPerWorkgroup: 64, workgroupMemoryBytes: 4096 }
    for (const t of tilingsFor(small)) expect(t.lanesX * t.lanesY * t.slices).toBeLessThanOrEqual(64)
    expect(tilingsFor(small).length).toBeGreaterThan(0)
    expect(tilingsFor(DEFAULT_LIMITS)).toEqual(tilingsFor(CARD))
  })

  it('is what was measured, for shapes of that class alone', () => {
    const measured = { [shapeClass(sizes(1000, 1000, 1000))]: 'staged 32x32' }
    const limits = limitsOf({ measured })
    expect(chooseTiling(sizes(1024, 1024, 1024), limits).tiling.name).toBe('staged 32x32')
    expect(chooseTiling(sizes(2048, 2048, 2048), limits).tiling.name).toBe('staged 64x64')
    const unknown = limitsOf({ measured: { [shapeClass(sizes(2048, 2048, 2048))]: 'of another version' } })
    expect(chooseTiling(sizes(2048, 2048, 2048), unknown)).toEqual(chooseTiling(sizes(2048, 2048, 2048), CARD))
  })

  it('is told by explain, with the reason', () => {
    const graph = traceGraph((x: Tensor, y: Tensor) => matmul(x, y), [spec([128, 64]), spec([64, 32])])
    expect(explainProgram(graph, buildGraph(graph, PROCESSOR), 'a device')).toContain(
      'tiling: broadcast 16x32, least by estimate: 100% of its tiles used, 100% of the adapter',
    )
  })

  it('reads operands as vec4 where rows are whole vectors, and has one text for all such sizes', () => {
    const text = (m: number, k: number, n: number): string => {
      const graph = traceGraph((x: Tensor, y: Tensor) => matmul(x, y), [spec([m, k]), spec([k, n])])
      const [kernel] = buildGraph(graph, CARD).program.kernels as readonly WgslKernel[]
      return kernel!.wgsl.replace(/\/\/.*/g, '')
    }
    expect(text(2048, 2048, 2048)).toContain('var<storage, read> b1: array<vec4<f32>>')
    expect(text(2048, 2048, 2048)).toBe(text(2560, 256, 4096))
    expect(text(2048, 2047, 2046)).not.toContain('var<storage, read> b1: array<vec4<f32>>')
  })
})
