import { describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import type { Built } from '../../src/codegen/build-program.ts'
import { add, cast, spec, square, sum } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { attention } from '../../src/nn/attention.ts'
import { mmca, mmcaRelease } from '../../src/nn/mmca.ts'
import { lookup, rescore, restrict, type Variant, variant } from '../../src/nn/variant.ts'
import { alibiScore, paddingMask } from '../../src/nn/variants.ts'
import { UnsupportedError } from '../../src/util/errors.ts'
import { buildFn, DEFAULT_LIMITS } from './build.ts'

/** The derivative of attention by queries, keys and values, over T tokens with i32 [B,T] and f32 [H] to capture. */
function derivative(make: (m: Tensor, slopes: Tensor) => Variant, buffers: number): Built {
  const loss = ({ q, k, v }: Record<'q' | 'k' | 'v', Tensor>, m: Tensor, slopes: Tensor): Tensor =>
    sum(square(attention(q, k, v, make(m, slopes))))
  const [B, H, T] = [2, 4, 150]
  const x = spec([B, H, T, 16])
  const specs = [{ q: x, k: x, v: x }, spec([B, T], 'i32'), spec([H])]
  return buildFn(grad(loss), specs, { ...DEFAULT_LIMITS, storageBuffersPerKernel: buffers })
}

const buffersOf = ({ program }: Built): number[] =>
  program.kernels.filter((k) => /^attention/.test(k.name)).map((k) => k.bindings.length)

describe('attention on a device that binds eight buffers to a kernel', () => {
  test.each([
    ['mmca', (m: Tensor) => mmca(m)],
    ['mmca of the release', (m: Tensor) => mmcaRelease(m)],
    [
      'the same with biases and padding',
      (m: Tensor, s: Tensor) => restrict(rescore(mmcaRelease(m), alibiScore(s)), paddingMask(m)),
    ],
  ])('%s stays three kernels', (_, make) => {
    const bound = buffersOf(derivative(make, 8))
    expect(bound).toHaveLength(3)
    expect(Math.max(...bound)).toBeLessThanOrEqual(8)
  })

  test('copies nothing where there is room', () => {
    const bound = buffersOf(derivative((m) => mmca(m), 16))
    expect(Math.max(...bound)).toBe(10)
  })

  test('says so where it cannot be done', () => {
    const many = (m: Tensor, slopes: Tensor): Variant =>
      variant({
        mask: paddingMask(cast(m, 'bool')),
        score: (s, at) => add(s, add(lookup(slopes, at.head), cast(lookup(cast(m, 'u32'), at.batch, at.key), 'f32'))),
      })
    expect(() => derivative(many, 5)).toThrow(UnsupportedError)
  })
})
