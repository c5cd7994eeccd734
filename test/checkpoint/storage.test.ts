import { describe, expect, test } from 'vitest'
import { loadModel } from '../../src/checkpoint/load-model.ts'
import { quantise } from '../../src/data/quantise.ts'
import { safetensorsSource } from '../../src/data/safetensors-source.ts'
import type { QuantisedMatrix, TensorSource } from '../../src/data/tensor-source.ts'
import { f16ToNumber, numberToF16 } from '../../src/ir/dtype.ts'
import { tensor } from '../../src/ir/ops.ts'
import { hostArrayOf, isTensor, type Tensor } from '../../src/ir/tensor.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { type LlamaParams, llamaEmbed, llamaHidden, llamaLogits, llamaSpec } from '../../src/models/llama.ts'
import { flattenNames } from '../../src/models/names.ts'
import { type Storage, storageFor } from '../../src/models/storage.ts'
import { isParamSpec } from '../../src/nn/param.ts'
import type { Weight } from '../../src/nn/weight.ts'

const source = await safetensorsSource('test/fixtures/llama-causal-rope-none.safetensors')
const config = llamaConfig(JSON.parse(source.metadata['config']!))
const spec = llamaSpec(config)
const isRest = (name: string): boolean => !name.startsWith('param.')
const load = (options: Parameters<typeof loadModel>[2], from: TensorSource = source) =>
  loadModel(spec, from, { device: 'reference', prefix: 'param.', ignore: isRest, ...options })

/** Logits of some tokens, f32 [T*V]. */
function logits(params: LlamaParams): Float32Array {
  const ids = tensor([[1, 17, 42, 5, 80, 3]], { dtype: 'i32' })
  const hidden = llamaHidden(params, config, llamaEmbed(params, ids), { attention: 'causal' })
  return Float32Array.from(hostArrayOf(llamaLogits(params, hidden), 'test').data)
}

/** Root of the mean square of the difference, relative to that of the wanted. */
function relativeError(got: Float32Array, wanted: Float32Array): number {
  const rms = (x: Float32Array): number => Math.hypot(...x)
  return rms(got.map((x, i) => x - wanted[i]!)) / rms(wanted)
}

const formOf = (weight: Weight): string => (isTensor(weight) ? weight.dtype : Object.keys(weight)[0]!)
/** What each parameter of the first layer, and those outside, is kept as. */
function forms({ model, lm_head }: LlamaParams): Record<string, string> {
  const { mlp, self_attn, input_layernorm } = model.layers[0]!
  return {
    embed_tokens: formOf(model.embed_tokens.weight),
    q_proj: formOf(self_attn.q_proj.weight),
    up_proj: formOf(mlp.up_proj.weight),
    down_proj: formOf(mlp.down_proj.weight),
    input_layernorm: formOf(input_layernorm.weight),
    lm_head: formOf(lm_head!.weight),
  }
}

describe('a model kept as integers', () => {
  test('keeps as such what groups divide; embeddings and the output layer in 8 bits where the rest has 4', async () => {
    // The hidden width of the MLP is 112, which groups of 32 do not divide.
    const ours = { q_proj: 'int4', up_proj: 'int4', down_proj: 'f32', input_layernorm: 'f32' }
    expect(forms(await load({ store: 'int4' }))).toEqual({ embed_tokens: 'int8', lm_head: 'int8', ...ours })
    const chosen = (name: string): Storage => (name.includes('q_proj') ? 'int8' : 'f32')
    expect(forms(await load({ store: chosen }))).toMatchObject({ q_proj: 'int8', up_proj: 'f32', embed_tokens: 'f32' })
  })

  test('gives nearly the same logits', async () => {
    const exact = logits(await load({}))
    const error = async (store: Storage): Promise<number> => relativeError(logits(await load({ store })), exact)
    const [int8, int4] = [await error('int8'), await error('int4')]
    expect(int8).toBeGreaterThan(0)
    expect(int8).toBeLessThan(0.02)
    expect(int4).toBeGreaterThan(int8)
    expect(int4).toBeLessThan(0.3)
  })

  test('computes in f16 where that is asked for', async () => {
    const params = await load({ store: 'int8', compute: 'f16' })
    expect(forms(params)).toMatchObject({ q_proj: 'int8', input_layernorm: 'f16', down_proj: 'f16' })
    expect(llamaEmbed(params, tensor([[1]], { dtype: 'i32' })).dtype).toBe('f16')
  })

  test('what cannot be kept so is refused before anything is read', async () => {
    await expect(load({ store: () => 'int4' })).rejects.toThrow(/down_proj.weight \[64,112\] as int4/)
    await expect(load({ store: () => 'f16', compute: 'f32' })).rejects.toThrow(/embed_tokens.weight: embeddings in f16/)
  })
})

describe('a file that holds integers', () => {
  const name = 'param.model.layers.0.self_attn.q_proj.weight'
  const inFile = (async (): Promise<QuantisedMatrix> => quantise(await source.read(name), { bits: 4, group: 16 }))()
  /** The same file, had it this one matrix in 4 bits, in groups of 16. */
  const quantisedSource: TensorSource = {
    ...source,
    tensors: source.tensors,
    read: (n, rows) => source.read(n, rows),
    readQuantised: (n, rows) =>
      n !== name
        ? undefined
        : inFile.then(({ packed, scales, ...rest }) => {
            const part = <A extends typeof packed | typeof scales>(array: A): A => {
              const width = array.shape[1]!
              const { from, to } = rows ?? { from: 0, to: array.shape[0]! }
              return { ...array, shape: [to - from, width], data: array.data.slice(from * width, to * width) }
            }
            return { ...rest, packed: part(packed), scales: part(scales) }
          }),
  }

  test('is taken as it is, the rest as floats', async () => {
    const params = await load({ store: 'stored' }, quantisedSource)
    expect(forms(params)).toMatchObject({ q_proj: 'int4', up_proj: 'f32', embed_tokens: 'f32' })
    const { weight } = params.model.layers[0]!.self_attn.q_proj
    expect('scales' in weight && weight.scales.shape).toEqual([64, 4])
  })

  test('is refused where its scales have to be f16 and are too large for it', async () => {
    const table = 'param.model.embed_tokens.weight'
    const large: TensorSource = {
      ...source,
      tensors: source.tensors,
      read: (n, rows) => source.read(n, rows),
      readQuantised: (n, rows) =>
        n !== table
          ? undefined
          : source.read(n, rows).then((rows) => {
              const matrix = quantise(rows, { bits: 8 })
              return { ...matrix, scales: { ...matrix.scales, data: matrix.scales.data.map(() => 1e5) } }
            }),
    }
    await expect(load({ store: 'stored', compute: 'f16' }, large)).rejects.toThrow(
      /embed_tokens.weight, scales holds 100000, and the largest f16 is 65504/,
    )
  })

  test('is missed where the file has none: floats are not taken in their place', async () => {
    await expect(load({ store: 'stored' })).rejects.toThrow(
      /rope-none.safetensors: holds no weights as integers.*\n.*int8/,
    )
  })

  test('and where as many bits are asked for; others are made from its floats', async () => {
    const group = async (store: Storage): Promise<unknown> => {
      const { weight } = (await load({ store }, quantisedSource)).model.layers[0]!.self_attn.q_proj
      return 'scales' in weight && weight.scales.shape
    }
    expect(await group('int4')).toEqual([64, 4])
    expect(await group('int8')).toEqual([64, 2])
  })
})

describe('matrices larger than a device binds', () => {
  test.each<Storage>(['f32', 'int8'])('lie in pieces, with the same logits (%s)', async (store) => {
    const whole = await load({ store })
    const split = await load({ store, bindingBytes: 4000 })
    const { weight } = split.model.embed_tokens
    expect(!isTensor(weight) && 'parts' in weight && weight.parts.length).toBe(store === 'f32' ? 7 : 2)
    const tensors = [...flattenNames(split, isTensor)].map(([, t]: readonly [string, Tensor]) => 4 * t.size)
    expect(Math.max(...tensors)).toBeLessThanOrEqual(4000)
    expect(relativeError(logits(split), logits(whole))).toBeLessThan(1e-6)
  })
})

test('the rule says how each parameter is kept, by its spec', () => {
  const kept = new Set<string>()
  for (const [name, leaf] of flattenNames(spec, isParamSpec)) kept.add(storageFor('stored', 'f16')(name, leaf))
  expect([...kept].sort()).toEqual(['f16', 'stored'])
})

test('scales are numbers that f16 has, so that a device can keep them in it', async () => {
  const { scales } = quantise(await source.read('param.lm_head.weight'), { bits: 8 })
  expect([...scales.data].map((x) => f16ToNumber(numberToF16(x)))).toEqual([...scales.data])
})
