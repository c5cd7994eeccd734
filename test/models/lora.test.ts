import { describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import { compile } from '../../src/compile.ts'
import { quantise } from '../../src/data/quantise.ts'
import { key, mean, normal, square, tensor } from '../../src/ir/ops.ts'
import { fromHost, hostArrayOf, isTensor, type Tensor } from '../../src/ir/tensor.ts'
import { initParams } from '../../src/models/init.ts'
import { layOut } from '../../src/models/layout.ts'
import { type LlamaParams, llamaEmbed, llamaHidden, llamaLogits, llamaSpec } from '../../src/models/llama.ts'
import { type Adapters, loraScale, withLora } from '../../src/models/lora.ts'
import { fuse } from '../../src/models/lora-fuse.ts'
import { linearLayers, loraSpec } from '../../src/models/lora-spec.ts'
import { nextTokenLoss } from '../../src/models/loss.ts'
import { flattenNames } from '../../src/models/names.ts'
import { featuresPerImage, type VisualChatParams, visualChatLoss, visualChatSpec } from '../../src/models/visualchat.ts'
import { clipVision, clipVisionSpec } from '../../src/models/vit.ts'
import { linear } from '../../src/nn/linear.ts'
import { ShapeError, UnsupportedError, ValueError } from '../../src/util/errors.ts'
import { tinyLlama, tinyVision, tinyVisualChat } from './tiny-models.ts'

const config = tinyLlama()
const spec = llamaSpec(config)
const base: LlamaParams = initParams(spec, key(1))
const scaling = { alpha: 3 } as const
const numbers = (t: Tensor): number[] => Array.from(hostArrayOf(t, 'test').data)
const ids = tensor(
  [
    [1, 5, 2, 9, 11],
    [4, 4, 20, 3, 8],
  ],
  { dtype: 'i32' },
)

/** Adapters that have been trained: neither matrix is zero. */
const trained = (adapters: Adapters, seed = 7): Adapters =>
  Object.fromEntries(
    Object.entries(adapters).map(([name, { down, up }], i) => [name, { down, up: normal(key(seed + i), up.shape) }]),
  )

const adaptersOf = (scope: string, rank = 2): Adapters =>
  trained(initParams(loraSpec(spec, { rank, scope, alpha: 3 }), key(2)))

const logits = (params: LlamaParams, tokens: Tensor = ids): Tensor =>
  llamaLogits(params, llamaHidden(params, config, llamaEmbed(params, tokens), { attention: 'causal' }))

const loss = (adapters: Adapters, params: LlamaParams, tokens: Tensor): Tensor =>
  nextTokenLoss(logits(withLora(params, adapters, scaling), tokens), tokens)

const bits = (params: unknown): string =>
  JSON.stringify([...flattenNames(params, isTensor)].map(([name, t]) => [name, numbers(t)]))

const distance = (a: Tensor, b: Tensor): number => {
  const other = numbers(b)
  return Math.max(...numbers(a).map((x, i) => Math.abs(x - other[i]!)))
}

describe('which layers are adapted', () => {
  test('a scope takes every linear layer whose name contains it, as the release does', () => {
    const names = Object.keys(loraSpec(spec, { rank: 2, alpha: 1, scope: 'model.layers.' }))
    expect(names).toHaveLength(2 * 7)
    expect(names[0]).toBe('model.layers.0.self_attn.q_proj')
    expect(names).not.toContain('lm_head')
  })

  test('targets take the ends of names, as PEFT does, within the scope if there is one', () => {
    const names = (more: object): string[] => Object.keys(loraSpec(spec, { rank: 2, alpha: 1, ...more }))
    expect(names({ targets: ['q_proj', 'v_proj'] })).toEqual(
      [0, 1].flatMap((i) => ['q_proj', 'v_proj'].map((p) => `model.layers.${i}.self_attn.${p}`)),
    )
    expect(names({ targets: ['self_attn.o_proj'], scope: 'layers.1' })).toEqual(['model.layers.1.self_attn.o_proj'])
    expect(names({ targets: ['lm_head'] })).toEqual(['lm_head'])
  })

  test('tables of embeddings are no linear layers', () => {
    expect([...linearLayers(visualChatSpec(tinyVisualChat)).keys()].filter((name) => name.includes('embed'))).toEqual(
      [],
    )
  })

  test('one adaptation covers the encoder and the decoder of a VisualChat', () => {
    const names = Object.keys(
      loraSpec(visualChatSpec(tinyVisualChat), { rank: 2, alpha: 1, scope: ['model.layers.', 'encoder.layers.'] }),
    )
    expect(names).toHaveLength(2 * 7 + 6)
    expect(names[0]).toBe('vis_encoder.vision_model.encoder.layers.0.self_attn.k_proj')
  })

  test.each([
    [{ scope: 'model.layer.' }, /scope 'model.layer.' names no linear layer[\s\S]*did you mean model.layers\?/],
    [{ scope: ['model.layers.', 'encoder.layers.'] }, /scope 'encoder.layers.'/],
    [{ targets: ['q_porj'] }, /target 'q_porj'[\s\S]*did you mean q_proj\?/],
    [{ targets: ['embed_tokens'] }, /target 'embed_tokens'/],
    [{ targets: ['lm_head'], scope: 'model.layers.' }, /scope model.layers. with targets lm_head/],
    [{ targets: [] }, /an empty list of targets/],
    [{ scope: '' }, /scope ''/],
    [{}, /no layers are named/],
    [{ scope: 'model.layers.', rank: 0 }, /a rank of 0/],
  ])('%j is refused', (more, message) => {
    expect(() => loraSpec(spec, { rank: 2, alpha: 1, ...more })).toThrow(ValueError)
    expect(() => loraSpec(spec, { rank: 2, alpha: 1, ...more })).toThrow(message)
  })
})

describe('an adapted model', () => {
  test('computes at first what its base does, to the bit', () => {
    const start = initParams(loraSpec(spec, { rank: 4, alpha: 1, scope: 'model.layers.' }), key(2))
    const { down, up } = start['model.layers.0.mlp.down_proj']!
    expect([down.shape, up.shape]).toEqual([
      [4, 20],
      [16, 4],
    ])
    expect(Math.max(...numbers(down).map(Math.abs))).toBeGreaterThan(0.8 / Math.sqrt(20))
    expect(Math.max(...numbers(down).map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(20))
    expect(numbers(logits(withLora(base, start, scaling)))).toEqual(numbers(logits(base)))
  })

  test('is scaled by alpha / rank, or by alpha / sqrt(rank)', () => {
    expect(loraScale({ alpha: 3 }, 4)).toBe(0.75)
    expect(loraScale({ alpha: 3, rankStabilised: true }, 4)).toBe(1.5)
    const adapters = adaptersOf('layers.0.self_attn.q_proj', 4)
    const stabilised = withLora(base, adapters, { alpha: 3, rankStabilised: true })
    expect(distance(logits(stabilised), logits(withLora(base, adapters, { alpha: 6 })))).toBeLessThan(1e-6)
  })

  test('has gradients with respect to the adapters alone, and computes none for the base', () => {
    const adapters = adaptersOf('model.layers.')
    const gradient = grad(loss)
    const compiled = compile(gradient, [adapters, base, ids], { device: 'reference' })
    const { outputs, equations } = compiled.graph()
    expect(outputs).toHaveLength(2 * Object.keys(adapters).length)
    // No value of the backward pass has the shape of a matrix of the base.
    const matrices = new Set([...linearLayers(spec).values()].map(({ shape }) => JSON.stringify(shape)))
    const made = equations.flatMap((e) => e.outputs.map((v) => JSON.stringify(v.type.shape)))
    expect(made.filter((shape) => matrices.has(shape))).toEqual([])
  })

  test('refuses adapters of a layer that is not there, and of another shape', () => {
    const { down, up } = adaptersOf('q_proj')['model.layers.0.self_attn.q_proj']!
    expect(() => withLora(base, { 'model.layers.0.self_attn.q_prj': { down, up } }, scaling)).toThrow(
      /no layer model.layers.0.self_attn.q_prj[\s\S]*did you mean model.layers.0.self_attn.q_proj\?/,
    )
    expect(() => withLora(base, { 'model.layers.0.mlp.down_proj': { down, up } }, scaling)).toThrow(ShapeError)
  })

  test('may be a vision tower, or both of a VisualChat', async () => {
    const vision = initParams(clipVisionSpec(tinyVision), key(3))
    const visionAdapters = trained(
      initParams(loraSpec(clipVisionSpec(tinyVision), { rank: 2, alpha: 1, scope: 'encoder.layers.' }), key(4)),
    )
    const pixels = normal(key(5), [1, 3, 8, 8])
    const adaptedFeatures = clipVision(withLora(vision, visionAdapters, scaling), tinyVision, pixels)
    expect(distance(adaptedFeatures, clipVision(vision, tinyVision, pixels))).toBeGreaterThan(0.01)

    const chatSpec = visualChatSpec(tinyVisualChat)
    const chat: VisualChatParams = initParams(chatSpec, key(6))
    const both = trained(
      initParams(loraSpec(chatSpec, { rank: 2, alpha: 1, scope: ['model.layers.', 'encoder.layers.'] }), key(7)),
    )
    const { imageToken, padToken } = tinyVisualChat
    const layout = layOut([{ inputIds: [1, 3, 5, 6, 7], labels: [1, 3, 5, 6, 7] }], {
      imageToken,
      padToken,
      featuresPerImage: featuresPerImage(tinyVisualChat),
    })
    const batch = {
      images: pixels,
      tokenIds: fromHost(layout.tokenIds),
      imageSlot: fromHost(layout.imageSlot),
      modality: fromHost(layout.modality),
      labels: fromHost(layout.labels),
    }
    const grads = grad((a: Adapters) => visualChatLoss(withLora(chat, a, scaling), tinyVisualChat, batch))(both)
    for (const { up } of Object.values(grads)) expect(Math.max(...numbers(up).map(Math.abs))).toBeGreaterThan(0)
  })
})

describe('fusing', () => {
  const adapters = adaptersOf('model.layers.', 3)

  test('computes what the adapted model does, within rounding, and leaves the base as it was', () => {
    const before = bits(base)
    const fused = fuse(base, adapters, scaling)
    expect(distance(logits(fused), logits(withLora(base, adapters, scaling)))).toBeLessThan(1e-5)
    expect(bits(base)).toBe(before)
    expect(fused.model.embed_tokens.weight).toBe(base.model.embed_tokens.weight)
  })

  test('does not drift, however often it is done', () => {
    const once = bits(fuse(base, adapters, scaling))
    for (let i = 0; i < 5; i++) expect(bits(fuse(base, adapters, scaling))).toBe(once)
  })

  test('a matrix in f16 is rounded once', () => {
    const one = (x: number): Tensor => tensor([[x]])
    const params = { layer: { weight: tensor([[1]], { dtype: 'f16' }) } }
    // 1 + 2^-11 + 2^-20 lies above the middle of two halves; the product in f16 would lie on it, and go to the even one.
    const fused = fuse(params, { layer: { down: one(1), up: one(2 ** -11 + 2 ** -20) } }, { alpha: 1 })
    expect(fused.layer.weight.dtype).toBe('f16')
    expect(numbers(fused.layer.weight)).toEqual([0x3c01])
  })

  test('goes through pieces and through adapters that are there already', () => {
    const weight = normal(key(8), [6, 4])
    const piece = (from: number, to: number): Tensor =>
      tensor(numbers(weight).slice(from * 4, to * 4), { shape: [to - from, 4] })
    const first = { layer: { down: normal(key(9), [2, 4]), up: normal(key(10), [6, 2]) } }
    const second = { layer: { down: normal(key(11), [1, 4]), up: normal(key(12), [6, 1]) } }
    const whole = fuse(fuse({ layer: { weight } }, first, scaling), second, { alpha: 1 })
    const stacked = fuse(withLora({ layer: { weight } }, first, scaling), second, { alpha: 1 })
    expect(numbers(stacked.layer.weight)).toEqual(numbers(whole.layer.weight))
    const parts = [piece(0, 1), piece(1, 6)]
    const split = fuse({ layer: { weight: { parts } } }, first, scaling).layer.weight.parts
    expect(split.flatMap(numbers)).toEqual(numbers(fuse({ layer: { weight } }, first, scaling).layer.weight))
  })

  test('a quantised base is refused, with what to do, and may be adapted', () => {
    const { packed, scales } = quantise(
      { dtype: 'f32', shape: [2, 32], data: new Float32Array(64).fill(1) },
      { bits: 4 },
    )
    const params = { layer: { weight: { int4: fromHost(packed), scales: fromHost(scales) } } }
    const adapter = { layer: { down: normal(key(1), [1, 32]), up: normal(key(2), [2, 1]) } }
    expect(() => fuse(params, adapter, scaling)).toThrow(UnsupportedError)
    expect(() => fuse(params, adapter, scaling)).toThrow(/weight of layer is quantised[\s\S]*dequantise/)
    const x = normal(key(3), [3, 32])
    const squares = (a: Adapters): Tensor => mean(square(linear(x, withLora(params, a, scaling).layer)))
    const { down, up } = grad(squares)(adapter)['layer']!
    for (const g of [down, up]) expect(Math.max(...numbers(g).map(Math.abs))).toBeGreaterThan(0)
  })
})
