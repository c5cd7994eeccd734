import { describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import { concat, full, key, mean, slice, square, take, tensor, zeros } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { clipVisionConfig, llamaConfig, qwenVisualConfig } from '../../src/models/config.ts'
import { resizePositions, sincosPositions } from '../../src/models/grid-positions.ts'
import { initParams } from '../../src/models/init.ts'
import { type ProjectionKind, project, projectionSpec } from '../../src/models/projection.ts'
import { qwenVisual, qwenVisualSpec } from '../../src/models/qwen-vl.ts'
import { resample, resamplerSpec } from '../../src/models/resampler.ts'
import { featureConfig, imageShape, visionFeatures, visionSpec } from '../../src/models/vision.ts'
import { featuresPerImage, imageFeatures, visualChatSpec } from '../../src/models/visualchat.ts'
import { ShapeError, ValueError } from '../../src/util/errors.ts'
import { apart, randomTensors } from '../nn/oracle.ts'

const values = async (t: Tensor): Promise<number[]> => Array.from(await t.read())
const far = async (a: Tensor, b: Tensor): Promise<number> => apart(await values(a), await values(b))
const random = (seed: number, ...shape: number[]): Tensor => randomTensors(seed, shape)[0]!
const rows = (order: readonly number[]): Tensor => tensor([...order], { dtype: 'i32' })

describe('positions of a grid', () => {
  test('sincos: column first, sines before cosines, frequencies falling from 1', () => {
    const [G, D] = [3, 8]
    const expected: number[] = []
    for (let row = 0; row < G; row++) {
      for (let column = 0; column < G; column++) {
        for (const place of [column, row]) {
          for (const wave of [Math.sin, Math.cos]) {
            for (let i = 0; i < D / 4; i++) expected.push(wave(place / 10000 ** (i / (D / 4))))
          }
        }
      }
    }
    expect(apart([...sincosPositions(G, D)], expected)).toBeLessThan(1e-7)
  })

  test.each([1, 2, 3, 4, 5, 7, 8, 13])('a table that is the same everywhere stays so on a grid of %i', async (G) => {
    const resized = resizePositions(full([16, 3], 0.7), G)
    expect(resized.shape).toEqual([G * G, 3])
    expect(apart(await values(resized), Array(G * G * 3).fill(0.7))).toBeLessThan(1e-6)
  })

  test('on its own grid a table is what it was', () => {
    const table = random(1, 25, 2)
    expect(resizePositions(table, 5)).toBe(table)
  })

  test('halves are mirrored: what is resized upside down is the resized upside down', async () => {
    const table = random(2, 16, 2)
    const flipped = (G: number): Tensor => rows(Array.from({ length: G * G }, (_, i) => G * G - 1 - i))
    const turned = resizePositions(take(table, flipped(4)), 7)
    expect(await far(turned, take(resizePositions(table, 7), flipped(7)))).toBeLessThan(1e-6)
  })

  test('rows that make no square are refused', () => {
    expect(() => resizePositions(zeros([15, 2]), 4)).toThrow(ShapeError)
  })
})

describe('the resampler', () => {
  const E = 128
  const params = initParams(resamplerSpec(2, E), key(1))
  const run = (features: Tensor, p = params): Tensor => resample(p, features, 1e-6)
  const features = random(3, 2, 9, E)
  const reversed = rows([8, 7, 6, 5, 4, 3, 2, 1, 0])

  test('gives each query its row, whatever the grid', () => {
    for (const K of [1, 4, 9, 25]) expect(run(random(4, 3, K, E)).shape).toEqual([3, 4, E])
    expect(() => run(random(4, 3, 8, E))).toThrow(ShapeError)
  })

  test('does not mix images', async () => {
    const swapped = run(take(features, rows([1, 0]), 0))
    expect(await far(swapped, take(run(features), rows([1, 0]), 0))).toBeLessThan(1e-5)
  })

  test('sees where features stand, and by positions alone', async () => {
    const mixed = take(features, reversed, 1)
    expect(await far(run(mixed), run(features))).toBeGreaterThan(1e-4)
    const nowhere = { ...params, pos_embed: zeros([4, E]) }
    expect(await far(run(mixed, nowhere), run(features, nowhere))).toBeLessThan(1e-5)
  })

  test('follows the order of its queries', async () => {
    const order = rows([2, 0, 3, 1])
    // Without positions, which belong to a query's place.
    const plain = { ...params, pos_embed: zeros([4, E]) }
    const moved = { ...plain, query: take(plain.query, order) }
    expect(await far(run(features, moved), take(run(features, plain), order, 1))).toBeLessThan(1e-5)
  })

  test('starts from fixed positions, and learns none', async () => {
    expect(await values(params.pos_embed)).toEqual([...sincosPositions(2, E)])
    const g = grad((p: typeof params) => mean(square(run(features, p))))(params)
    expect(Math.max(...(await values(g.pos_embed)).map(Math.abs))).toBe(0)
    expect(Math.max(...(await values(g.query)).map(Math.abs))).toBeGreaterThan(0)
  })
})

const CLIP = clipVisionConfig({
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  image_size: 6,
  patch_size: 2,
})
const QWEN = qwenVisualConfig({
  image_size: 6,
  patch_size: 2,
  width: 8,
  layers: 1,
  heads: 2,
  mlp_size: 12,
  output_dim: 128,
  n_queries: 4,
})

describe('the perceiver', () => {
  const E = 128
  const source = featureConfig(CLIP)
  const params = initParams(projectionSpec('perceiver', source, E), key(2))

  test('does not look at the class token, and looks at all features where there is none', async () => {
    const grid = random(5, 1, 9, 8)
    const behind = (classToken: Tensor): Tensor => project(params, source, concat([classToken, grid], 1))
    const expected = project(params, { ...source, hasClassToken: false }, grid)
    expect(expected.shape).toEqual([1, 256, E])
    for (const seed of [6, 7]) expect(await far(behind(random(seed, 1, 1, 8)), expected)).toBe(0)
  })

  test('asks for a width that its heads divide', () => {
    expect(() => projectionSpec('perceiver', source, 64)).toThrow(ValueError)
    expect(() => projectionSpec('perceiver', source, 64)).toThrow(/64 is less than 128/)
  })
})

describe("Qwen-VL's visual encoder", () => {
  test.each([1, 5, 16, 18])('takes any grid of patches, %i by as many', (G) => {
    const config = { ...QWEN, image_size: 2 * G }
    const params = initParams(qwenVisualSpec(config), key(3))
    expect(qwenVisual(params, config, random(8, 2, 3, 2 * G, 2 * G)).shape).toEqual([2, 4, 128])
  })

  test('has no map before a resampler of its own width', () => {
    expect(qwenVisualSpec(QWEN).attn_pool).toHaveProperty('kv_proj')
    expect(qwenVisualSpec({ ...QWEN, width: 128 }).attn_pool).not.toHaveProperty('kv_proj')
  })

  test('encodes each image by itself', async () => {
    const params = initParams(qwenVisualSpec(QWEN), key(3))
    const pixels = random(9, 2, 3, 6, 6)
    const alone = qwenVisual(params, QWEN, slice(pixels, [1, 0, 0, 0], [2, 3, 6, 6]))
    expect(await far(alone, slice(qwenVisual(params, QWEN, pixels), [1, 0, 0], [2, 4, 128]))).toBeLessThan(1e-6)
  })

  test('is told from CLIP by its parameters, and refuses images of another size', () => {
    const params = initParams(visionSpec(QWEN), key(3))
    expect(() => visionFeatures(params, CLIP, random(1, 1, 3, 6, 6))).toThrow(ValueError)
    expect(() => visionFeatures(params, QWEN, random(1, 1, 3, 4, 4))).toThrow(ShapeError)
  })
})

describe('a VisualChat of any encoder and projection', () => {
  const language = llamaConfig({
    vocab_size: 9,
    hidden_size: 128,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
  })
  const cases = [CLIP, QWEN].flatMap((vision) =>
    (['baseline', 'vit', 'perceiver'] satisfies ProjectionKind[]).map((projection) => ({
      name: `${vision.kind}, ${projection}`,
      vision,
      projection,
    })),
  )
  test.each(cases)('$name: as many features per image as it says', ({ vision, projection }) => {
    const config = { vision, projection, language, attention: 'mmca-paper', imageToken: 8, padToken: 0 } as const
    const params = initParams(visualChatSpec(config), key(4))
    const images = random(10, 2, ...imageShape(vision))
    expect(imageFeatures(params, config, images).shape).toEqual([2, featuresPerImage(config), 128])
  })
})
