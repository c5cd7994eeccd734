import { describe, expect, test } from 'vitest'
import type { HostArray } from '../../src/ir/dtype.ts'
import { cast, key, ones } from '../../src/ir/ops.ts'
import { isTensor } from '../../src/ir/tensor.ts'
import { clipVisionConfig, llamaConfig } from '../../src/models/config.ts'
import { initParams } from '../../src/models/init.ts'
import { llamaSpec } from '../../src/models/llama.ts'
import { flattenNames, unflattenNames } from '../../src/models/names.ts'
import { loadParams, namedArrays } from '../../src/models/params.ts'
import { biasedLinearSpec } from '../../src/nn/linear.ts'
import { isParamSpec, normal, param } from '../../src/nn/param.ts'
import { CheckpointError, TraceError, UnsupportedError, ValueError } from '../../src/util/errors.ts'

const isNumber = (x: unknown): x is number => typeof x === 'number'
const f32 = (...shape: number[]): HostArray => ({
  dtype: 'f32',
  shape,
  data: new Float32Array(shape.reduce((n, d) => n * d, 1)),
})

describe('names', () => {
  test('unflatten and flatten are inverse', () => {
    const flat = new Map([
      ['model.layers.0.self_attn.q_proj.weight', 1],
      ['model.layers.1.norm', 2],
      ['lm_head.weight', 3],
    ])
    const tree = unflattenNames(flat)
    expect(tree).toEqual({
      model: { layers: [{ self_attn: { q_proj: { weight: 1 } } }, { norm: 2 }] },
      lm_head: { weight: 3 },
    })
    expect(flattenNames(tree, isNumber)).toEqual(flat)
  })

  test('numbers out of order make a list, numbers with a gap do not', () => {
    const names = Array.from({ length: 11 }, (_, i) => [`${10 - i}`, 10 - i] as const)
    expect(unflattenNames(names)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(
      unflattenNames([
        ['0', 0],
        ['2', 2],
      ]),
    ).toEqual({ 0: 0, 2: 2 })
  })

  test('a name inside another is refused', () => {
    expect(() =>
      unflattenNames([
        ['a.b', 1],
        ['a', 2],
      ]),
    ).toThrow(CheckpointError)
    expect(() =>
      unflattenNames([
        ['a', 1],
        ['a.b', 2],
      ]),
    ).toThrow(CheckpointError)
    expect(() => flattenNames({ a: 'text' }, isNumber)).toThrow(TraceError)
  })
})

describe('loadParams', () => {
  const spec = { fc: [biasedLinearSpec(2, 3), biasedLinearSpec(3, 1)] }
  const whole = new Map([
    ['fc.0.weight', f32(3, 2)],
    ['fc.0.bias', f32(3)],
    ['fc.1.weight', f32(1, 3)],
    ['fc.1.bias', f32(1)],
  ])

  test('round trip through named arrays, with a prefix', async () => {
    const params = loadParams(spec, whole)
    expect(params.fc[1]!.bias.shape).toEqual([1])
    const again = loadParams(spec, await namedArrays(params, 'x.'), { prefix: 'x.' })
    expect(await namedArrays(again)).toEqual(whole)
  })

  test('everything wrong is reported together', () => {
    const bad = new Map([
      ...whole,
      ['fc.0.weight', f32(2, 3)],
      ['fc.9.bias', f32(4)],
      ['fc.1.bias', { dtype: 'i32', shape: [1], data: Int32Array.of(1) }],
      ['model.rotary_emb.inv_freq', f32(4)],
    ] as [string, HostArray][])
    bad.delete('fc.0.bias')
    expect(() => loadParams(spec, bad)).toThrow(CheckpointError)
    expect(() => loadParams(spec, bad)).toThrowErrorMatchingInlineSnapshot(`
      [CheckpointError: the checkpoint does not fit the model: 4 tensors do not match
        wrong shape fc.0.weight: [2,3], not [3,2]
        missing fc.0.bias [3]
        wrong dtype fc.1.bias: i32, not f32 or f16
        unexpected fc.9.bias [4]
        hint: compare the configuration (layers, widths, vocabulary) and the prefix of the names with the checkpoint]
    `)
  })

  test('what the caller ignores is passed over', () => {
    expect(() =>
      loadParams(spec, new Map([...whole, ['extra', f32(1)]]), { ignore: (n) => n === 'extra' }),
    ).not.toThrow()
    expect(() => loadParams(spec, new Map([...whole, ['extra', f32(1)]]))).toThrow(/unexpected extra \[1\]/)
  })

  test('dtypes are kept, converted when asked, and not mixed', async () => {
    const half = await cast(ones([3]), 'f16').readHost()
    const mixed = new Map<string, HostArray>([...whole, ['fc.0.bias', half]])
    expect(() => loadParams(spec, mixed)).toThrow(/mixes dtypes f32 and f16/)
    const params = loadParams(spec, mixed, { dtype: 'f32' })
    expect([...(await params.fc[0]!.bias.read())]).toEqual([1, 1, 1])
    expect(loadParams(spec, whole, { dtype: 'f16' }).fc[0]!.weight.dtype).toBe('f16')
  })
})

const tiny = {
  vocab_size: 8,
  hidden_size: 8,
  intermediate_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
}

describe('initParams', () => {
  test('equal keys give equal parameters, and every leaf its own', async () => {
    const spec = {
      a: param([200], normal(2)),
      b: param([200], normal(2)),
      norm: param([2], { kind: 'constant', value: 1 }),
    }
    const [one, same, other] = [initParams(spec, key(1)), initParams(spec, key(1)), initParams(spec, key(2))]
    const a = Array.from(await one.a.read())
    expect(Array.from(await same.a.read())).toEqual(a)
    expect(Array.from(await other.a.read())).not.toEqual(a)
    expect(Array.from(await one.b.read())).not.toEqual(a)
    expect([...(await one.norm.read())]).toEqual([1, 1])
    const std = Math.sqrt(a.reduce((s, x) => s + x * x, 0) / a.length)
    expect(std).toBeGreaterThan(1.6)
    expect(std).toBeLessThan(2.4)
  })

  test('a model has the parameters of its spec', () => {
    const spec = llamaSpec(llamaConfig(tiny))
    const params = initParams(spec, key(0))
    expect([...flattenNames(params, isTensor).keys()]).toEqual([...flattenNames(spec, isParamSpec).keys()])
  })
})

describe('configurations', () => {
  test('defaults, and tied embeddings', () => {
    const config = llamaConfig(tiny)
    expect(config).toMatchObject({ num_key_value_heads: 2, rope_theta: 10000, rms_norm_eps: 1e-6, rope_scaling: null })
    expect(llamaSpec(config)).toHaveProperty('lm_head')
    expect(llamaSpec(llamaConfig({ ...tiny, tie_word_embeddings: true }))).not.toHaveProperty('lm_head')
    const linear = { rope_type: 'linear', factor: 2 }
    expect(llamaConfig({ ...tiny, rope_scaling: linear }).rope_scaling).toEqual({ type: 'linear', factor: 2 })
    expect(llamaConfig({ ...tiny, rope_scaling: { rope_type: 'default' } }).rope_scaling).toBeNull()
  })

  test.each([
    ['a missing field', () => llamaConfig({ ...tiny, vocab_size: undefined }), ValueError],
    ['no object', () => llamaConfig('llama'), ValueError],
    ['a width that heads do not divide', () => llamaConfig({ ...tiny, hidden_size: 9 }), ValueError],
    ['odd heads', () => llamaConfig({ ...tiny, hidden_size: 6 }), ValueError],
    ['query heads that key heads do not divide', () => llamaConfig({ ...tiny, num_key_value_heads: 3 }), ValueError],
    ['unknown scaling', () => llamaConfig({ ...tiny, rope_scaling: { type: 'yarn', factor: 2 } }), UnsupportedError],
    ['another activation', () => llamaConfig({ ...tiny, hidden_act: 'gelu' }), UnsupportedError],
    ['biases', () => llamaConfig({ ...tiny, attention_bias: true }), UnsupportedError],
    [
      'a CLIP activation',
      () => clipVisionConfig({ ...tiny, image_size: 4, patch_size: 2, hidden_act: 'relu' }),
      UnsupportedError,
    ],
    ['patches that do not divide', () => clipVisionConfig({ ...tiny, image_size: 5, patch_size: 2 }), ValueError],
  ])('%s is refused', (_, run, error) => {
    expect(run).toThrow(error)
  })
})
