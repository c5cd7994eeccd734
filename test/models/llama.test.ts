import { describe, expect, test } from 'vitest'
import { checkpoint, grad } from '../../src/autodiff/index.ts'
import { concat, key, slice, square, sum, tensor } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { clipVisionConfig, llamaConfig } from '../../src/models/config.ts'
import { attentionKind, type DecoderAttention, decoderVariant } from '../../src/models/decoder-attention.ts'
import { initParams } from '../../src/models/init.ts'
import { checkRoom, emptyCache, kvCacheSpec } from '../../src/models/kv-cache.ts'
import {
  llamaAttentionWeights,
  llamaCached,
  llamaEmbed,
  llamaHidden,
  llamaLogits,
  llamaSpec,
  llamaStep,
} from '../../src/models/llama.ts'
import { projectionKind } from '../../src/models/projection.ts'
import { visionFeatures } from '../../src/models/vision.ts'
import { embedBatch, splitTrainable, visualChatLogits, visualChatSpec } from '../../src/models/visualchat.ts'
import { slidingWindow } from '../../src/nn/variants.ts'
import { ShapeError, UnsupportedError, ValueError } from '../../src/util/errors.ts'
import { apart, randomTensors } from '../nn/oracle.ts'

const config = llamaConfig({
  vocab_size: 11,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
})
const params = initParams(llamaSpec(config), key(3))
const ids = tensor([[3, 1, 4, 1, 5]], { dtype: 'i32' })
const embeds = llamaEmbed(params, ids)
const causal = { attention: 'causal' } as const
const rows = async (t: Tensor, from: number, to: number): Promise<Float32Array> =>
  slice(t, [0, from, 0], [1, to, t.shape[2]!]).read() as Promise<Float32Array>

describe('the decoder', () => {
  test('a prompt padded to a fixed length, then tokens one by one, equal one pass', async () => {
    const whole = llamaHidden(params, config, embeds, causal)
    const logits = llamaLogits(params, whole)
    const padded = concat([slice(embeds, [0, 0, 0], [1, 3, 8]), randomTensors(1, [1, 1, 8])[0]!], 1)
    const prompt = llamaStep(params, config, padded, emptyCache(config, 1, 6), {
      ...causal,
      modality: tensor([[1, 1, 1, 0]], { dtype: 'i32' }),
      count: tensor(3, { dtype: 'i32' }),
    })
    expect(await prompt.logits.read()).toEqual(await rows(logits, 2, 3))
    let cache = prompt.cache
    for (const t of [3, 4]) {
      const next = llamaStep(params, config, slice(embeds, [0, t, 0], [1, t + 1, 8]), cache, causal)
      expect(await next.logits.read()).toEqual(await rows(logits, t, t + 1))
      cache = next.cache
    }
    expect(await cache.length.item()).toBe(5)
    expect([...(await cache.modality.read())]).toEqual([1, 1, 1, 1, 1, 0])
  })

  test('layers computed again in the backward pass give the same gradients', async () => {
    const loss = (x: Tensor, wrap: boolean): Tensor =>
      sum(square(llamaHidden(params, config, x, { ...causal, ...(wrap ? { wrapLayer: checkpoint } : {}) })))
    const plain = await grad((x: Tensor) => loss(x, false))(embeds).read()
    expect(await grad((x: Tensor) => loss(x, true))(embeds).read()).toEqual(plain)
  })

  test('a variant of one’s own', async () => {
    const weights = llamaAttentionWeights(params, config, embeds, {
      attention: () => slidingWindow(2),
      modality: tensor([[1, 1, 1, 1, 1]], { dtype: 'i32' }),
    })
    expect(weights).toHaveLength(2)
    const row = (await weights[1]!.read()).slice(15, 20)
    expect([...row].map((w) => w > 0)).toEqual([false, false, true, true, false])
  })

  test('one’s own variant needs no modality where all is text, be it a variant or made from the modality', async () => {
    const window = slidingWindow(2)
    const logits = (attention: DecoderAttention) => llamaHidden(params, config, embeds, { attention }).read()
    const wanted = await logits(window)
    expect(await logits(() => window)).toEqual(wanted)
    expect(apart(await logits('causal'), wanted)).toBeGreaterThan(0)
  })

  test('dynamic RoPE: a cached pass within the trained length equals one pass', async () => {
    const dynamic = { ...config, rope_scaling: { type: 'dynamic', factor: 2 } as const }
    const whole = await llamaHidden(params, dynamic, embeds, causal).read()
    const cached = llamaCached(params, dynamic, embeds, emptyCache(dynamic, 1, 8), causal)
    expect(apart(await cached.hidden.read(), whole)).toBeLessThan(1e-5)
  })

  test('the cache has the shapes that it says', () => {
    const cache = emptyCache(config, 2, 6)
    const spec = kvCacheSpec(config, 2, 6)
    expect(cache.k.map((t) => t.shape)).toEqual(spec.k.map((s) => s.shape))
    expect(cache.k[0]!.shape).toEqual([2, 1, 6, 4])
    expect(cache.modality.shape).toEqual(spec.modality.shape)
  })

  test('misuse is refused', () => {
    expect(() => checkRoom(6, 4, 3)).toThrow(ValueError)
    checkRoom(6, 4, 2)
    expect(() => attentionKind('flash')).toThrow(UnsupportedError)
    expect(() => decoderVariant('mmca-paper')).toThrow(ValueError)
    expect(() => llamaCached(params, config, embeds, emptyCache(config, 1, 4), causal)).toThrow(ShapeError)
  })
})

describe('the visual chat', () => {
  const vision = clipVisionConfig({
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    image_size: 4,
    patch_size: 2,
    hidden_act: 'gelu',
  })
  const chat = {
    vision,
    language: config,
    projection: 'baseline',
    attention: 'mmca-paper',
    imageToken: 10,
    padToken: 2,
  } as const
  const all = initParams(visualChatSpec(chat), key(4))

  test('a batch without images needs none', async () => {
    const text = {
      tokenIds: ids,
      imageSlot: tensor([[-1, -1, -1, -1, -1]], { dtype: 'i32' }),
      modality: tensor([[1, 1, 1, 1, 1]], { dtype: 'i32' }),
    }
    expect(visualChatLogits(all, chat, text).shape).toEqual([1, 5, 11])
    // Text is embedded by lang_embed, not by the decoder's own table.
    const table = await all.lang_embed.weight.read()
    expect([...(await embedBatch(all, chat, text).read())].slice(0, 8)).toEqual([...table.slice(24, 32)])
  })

  test('what is trained and what is not make up the whole', () => {
    const { trainable, frozen } = splitTrainable(all)
    expect(Object.keys(trainable)).toEqual(['lang_embed', 'projection'])
    expect({ ...trainable, ...frozen }).toEqual(all)
  })

  test('images of another size, and other projections, are refused', () => {
    expect(() => visionFeatures(all.vis_encoder, vision, randomTensors(1, [1, 3, 6, 6])[0]!)).toThrow(ShapeError)
    expect(() => projectionKind('linear')).toThrow(UnsupportedError)
  })
})
