import { beforeAll, describe, expect, test } from 'vitest'
import { largeWeights } from '../../src/plan/buffers.ts'
import { type InferencePlan, planInference } from '../../src/plan/plan.ts'
import { modelOf, type PlanRequest } from '../../src/plan/request.ts'
import { estimate } from '../../src/plan/verdict.ts'
import { ValueError } from '../../src/util/errors.ts'
import { LLAMA_2_7B, SMALL, SMALL_CHAT } from './request.ts'

describe('LLaMA-2 7B in int4, 4096 positions', () => {
  let plan: InferencePlan
  const [L, D, F, V, T] = [32, 4096, 11008, 32000, 4096]
  // Of more positions 11008 numbers each are more than 128 MiB.
  const P = 3008
  const layers = L * (4 * D * D + 3 * D * F)
  const norms = (2 * L + 1) * D
  beforeAll(() => {
    plan = planInference(LLAMA_2_7B)
  }, 120_000)

  test('the parts have the published number of parameters', () => {
    expect(plan.parts.reduce((n, { parameters }) => n + parameters, 0)).toBe(6_738_415_616)
    expect(plan.unread.parameters).toBe(0)
  })

  test('weights take four bits and a share of a scale, tables and output layer a byte, norms two', () => {
    const bytes = layers / 2 + (2 * layers) / 32 + 2 * norms
    const outer = { parameters: V * D, bytes: V * D + (2 * V * D) / 32, kept: ['int8'] }
    expect(plan.parts).toEqual([
      { part: 'decoder layers', parameters: layers + norms, bytes, kept: ['int4', 'f16'] },
      { part: 'output layer', ...outer },
      { part: 'token embeddings', ...outer },
    ])
    expect(plan.run.weights).toBe(plan.parts.reduce((n, { bytes }) => n + bytes, 0))
  })

  test('the KV cache takes 2 GiB, besides what says which positions are filled', () => {
    expect(plan.run.cache).toBe(2 * 2 ** 30 + 4 * T + 4)
  })

  test('a token takes twice as many operations as it meets weights, and those of attention', () => {
    const [prefill, decode] = plan.papers
    expect(plan.perToken).toBe(layers + V * D)
    expect(decode!.flops).toEqual({ products: 2 * (layers + V * D), attention: 4 * L * T * D })
    // The logits of a prompt are those of its last token.
    expect(prefill!.flops).toEqual({ products: 2 * (P * layers + V * D), attention: 4 * L * P * T * D })
  })

  test('a step of decoding stores no dequantised weight, and passes write the cache in place', () => {
    const [prefill, decode] = plan.papers
    expect(decode!.temporaryBytes).toBeLessThan(2 ** 20)
    expect(decode!.otherBytes).toBeLessThan(2 ** 20)
    expect(prefill!.otherBytes).toBeLessThan(2 ** 20)
  })

  test('a pass takes in as many positions as can be bound', () => {
    expect(plan.pass).toBe(P)
    expect(plan.binds).toBe(true)
  })

  test('the table is split where it is larger than can be bound', () => {
    const request = { ...LLAMA_2_7B, bindingLimit: 2 ** 26 }
    const unread = new Set(['lm_head.weight'])
    expect(largeWeights(modelOf(request), request, unread)).toEqual([
      {
        name: 'model.embed_tokens.weight',
        shape: [V, D],
        count: 1,
        bytes: V * D,
        pieces: { atLimit: 2, usual: [1, 1, 1] },
      },
    ])
  })
})

describe('a model with an encoder', () => {
  const plan = planInference(SMALL_CHAT)

  test('has a program to encode an image, and parameters in every part', () => {
    expect(plan.papers.map(({ name }) => name)).toEqual(['encode an image', 'prefill 256 tokens', 'decode a token'])
    expect(plan.parts.map(({ part }) => part)).toEqual([
      'vision encoder',
      'projection',
      'decoder layers',
      'output layer',
      'token embeddings',
    ])
    expect(plan.run.features).toBe(2 * 17 * 128 * 2)
  })

  test('what nothing reads is told, and not counted', () => {
    expect(plan.unread.names).toEqual([
      'vis_encoder.vision_model.post_layernorm.weight',
      'vis_encoder.vision_model.post_layernorm.bias',
      'lang_decoder.model.embed_tokens.weight',
    ])
    expect(plan.unread.parameters).toBe(2 * 64 + 512 * 128)
  })

  test('images that do not fit the sequence are an error', () => {
    expect(() => planInference({ ...SMALL_CHAT, images: 16 })).toThrow(/16 images take 272 positions.*256/)
  })
})

test('a sequence longer than the model was made for is an error', () => {
  expect(() => planInference({ ...SMALL, seq: 2048 })).toThrow(ValueError)
})

test('a matrix whose width groups of 32 do not divide stays f16', () => {
  const language = { ...SMALL.language, intermediate_size: 360 }
  const int4 = planInference({ ...SMALL, language, precision: 'int4' })
  const down = int4.papers[0]!.inputs.filter(({ name }) => /layers\[0\].mlp/.test(name)).map(({ name }) => name)
  expect(down).toEqual([
    'params.model.layers[0].mlp.gate_proj.weight.int4',
    'params.model.layers[0].mlp.gate_proj.weight.scales',
    'params.model.layers[0].mlp.up_proj.weight.int4',
    'params.model.layers[0].mlp.up_proj.weight.scales',
    'params.model.layers[0].mlp.down_proj.weight',
  ])
})

test('a prompt of which a kernel cannot bind what the whole needs is taken in passes', () => {
  const whole = planInference(SMALL)
  const short = planInference({ ...SMALL, bindingLimit: 100_000 })
  expect([whole.pass, short.pass]).toEqual([256, 128])
  expect(short.papers[0]!.name).toBe('prefill 128 tokens')
  expect(short.largeBuffers).toEqual([])
  expect(short.binds).toBe(true)
  expect(short.run.cache).toBe(whole.run.cache)
  expect(short.run.working).toBeLessThan(whole.run.working)
})

test('what no pass can bind does not fit, whatever the memory', () => {
  const { binds, largeBuffers, verdict } = planInference({ ...SMALL, bindingLimit: 20_000, memory: 2 ** 40 })
  expect(binds).toBe(false)
  expect(largeBuffers).toContainEqual({ program: 'decode a token', name: 'cache.k[*]', bytes: 2 * 64 * 256, count: 5 })
  // A shorter cache can be bound.
  expect(verdict).toMatchObject({ fits: false, longest: 128, precision: null })
})

test('parameters are kept as loadModel keeps them', () => {
  const request = { ...SMALL_CHAT, precision: 'int4' } as const
  const { parts } = planInference(request)
  expect(Object.fromEntries(parts.map(({ part, kept }) => [part, kept]))).toEqual({
    'vision encoder': ['int4', 'f16'],
    projection: ['int4', 'f16'],
    'decoder layers': ['int4', 'f16'],
    'output layer': ['int8'],
    'token embeddings': ['int8'],
  })
})

describe('the verdict', () => {
  test.each<[string, PlanRequest]>([
    ['a decoder', SMALL],
    ['a decoder in int4', { ...SMALL, precision: 'int4' }],
    ['a model with an encoder', SMALL_CHAT],
  ])('what is estimated from two layers is what the whole takes: %s', (_, request) => {
    const { run, papers, unread } = planInference(request)
    expect(papers).not.toHaveLength(0)
    expect(estimate(request, new Set(unread.names))).toBe(run.total)
  })

  test('fits, and says how long a sequence would', () => {
    const { total } = planInference(SMALL).run
    const { verdict } = planInference({ ...SMALL, memory: total })
    expect(verdict).toEqual({ fits: true, spare: 0, longest: 256, precision: 'f16' })
  })

  test('does not fit, and says what would', () => {
    const { total } = planInference({ ...SMALL, seq: 128 }).run
    const { verdict } = planInference({ ...SMALL, memory: total })
    expect(verdict).toMatchObject({ fits: false, longest: 128, precision: 'int8' })
    expect(verdict!.spare).toBeLessThan(0)
  })

  test('says where nothing helps', () => {
    const { verdict } = planInference({ ...SMALL, memory: 1000 })
    expect(verdict).toMatchObject({ fits: false, longest: null, precision: null })
  })
})
