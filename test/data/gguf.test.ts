import { existsSync } from 'node:fs'
import { gguf } from '@huggingface/gguf'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import { readSafetensors } from '../../src/data/safetensors.ts'
import { type HostArray, numberToF16 } from '../../src/ir/dtype.ts'
import { type LlamaConfig, llamaConfig } from '../../src/models/config.ts'
import { verifyFixture } from '../../src/models/verify.ts'
import { FileError, UnsupportedError } from '../../src/util/errors.ts'
import { STORY_MODEL } from '../cli/story.ts'
import * as g from './gguf-bytes.ts'
import { withBytes, withSource } from './gguf-file.ts'
import { inPairs, llamaGguf, llamaMetadata } from './llama-gguf.ts'
import { readLlama2c } from './read-llama2c.ts'

const FIXTURES = new URL('../fixtures/', import.meta.url).pathname

/** A LLaMA of two heads whose q is [8,4] and k [4,4]. */
const config = llamaConfig({
  vocab_size: 3,
  hidden_size: 8,
  intermediate_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
})
const metadata = llamaMetadata(config)
const matrix = (rows: number, columns: number): HostArray => ({
  dtype: 'f32',
  shape: [rows, columns],
  data: Float32Array.from({ length: rows * columns }, (_, i) => i),
})
const Q = 'model.layers.0.self_attn.q_proj.weight'
const small = new Map([
  ['model.embed_tokens.weight', matrix(3, 8)],
  [Q, matrix(8, 8)],
  ['model.layers.0.self_attn.k_proj.weight', matrix(4, 8)],
  ['model.layers.0.mlp.down_proj.weight', matrix(8, 4)],
])

async function expectTensors(bytes: Uint8Array, tensors: ReadonlyMap<string, HostArray>, config: LlamaConfig) {
  return withSource(bytes, async (source) => {
    expect(llamaConfig(source.config)).toEqual(config)
    expect([...source.tensors.keys()].sort()).toEqual([...tensors.keys()].sort())
    const read = new Map<string, HostArray>()
    for (const [name, { shape, data }] of tensors) {
      const got = await source.read(name)
      expect([name, got.shape]).toEqual([name, shape])
      expect(Buffer.from(got.data.buffer).equals(Buffer.from(data.slice().buffer)), name).toBe(true)
      read.set(name, got)
    }
    return { read, config: source.config }
  })
}

describe('a LLaMA written as llama.cpp does', () => {
  it.each(['llama-causal-rope-none', 'llama-causal-rope-linear'])('gives the logits of %s', async (name) => {
    const fixture = await readSafetensors(`${FIXTURES}${name}.safetensors`)
    const config = llamaConfig(JSON.parse(fixture.metadata['config']!))
    const params = new Map([...fixture.tensors].flatMap(([n, t]) => (n.startsWith('param.') ? [[n.slice(6), t]] : [])))
    const file = await expectTensors(g.ggufBytes(llamaGguf(config, params)), params, config)
    const tensors = new Map([...fixture.tensors, ...[...file.read].map(([n, t]) => [`param.${n}`, t] as const)])
    const read = { metadata: { ...fixture.metadata, config: JSON.stringify(file.config) }, tensors }
    const { pass } = await verifyFixture(read, { run: async (fn, args) => fn(...args), grad: (fn) => grad(fn) })
    expect(pass).toBe(true)
  })

  it.runIf(existsSync(STORY_MODEL))('is the TinyStories checkpoint again', async () => {
    const { config, tensors } = await readLlama2c(STORY_MODEL)
    const whole = llamaConfig(config)
    await expectTensors(g.ggufBytes(llamaGguf(whole, tensors)), tensors, whole)
  })
})

describe('rows', () => {
  it('of q and k are read in any range in Hugging Face’s order', async () => {
    await withSource(g.ggufBytes(llamaGguf(config, small)), async (source) => {
      for (const [from, to] of [
        [0, 4],
        [4, 8],
        [0, 8],
        [3, 5],
        [1, 2],
        [6, 6],
      ] as const) {
        const { shape, data } = await source.read(Q, { from, to })
        expect([shape, [...data]]).toEqual([[to - from, 8], [...small.get(Q)!.data.slice(from * 8, to * 8)]])
      }
    })
  })

  it('of a quantised q come in that order with their scales and offsets', async () => {
    // Q4_1 of two groups to a row: the scale is the row, the offset minus that, the elements 1 + column mod 8.
    const wide = { ...config, hidden_size: 64, num_attention_heads: 16 }
    const values = Float32Array.from({ length: 8 * 64 }, (_, i) => Math.floor(i / 64) * (i % 8))
    const rows = inPairs(values, [8, 64], 2)
    const block = (at: number): Uint8Array => {
      const scale = rows[at + 1]!
      const nibbles = Array.from({ length: 16 }, (_, i) => (1 + (i % 8)) * 17)
      return g.join(
        new Uint8Array(Uint16Array.of(numberToF16(scale), numberToF16(-scale)).buffer),
        Uint8Array.from(nibbles),
      )
    }
    const data = g.join(...Array.from({ length: 16 }, (_, i) => block(i * 32)))
    const tensor = { name: 'blk.0.attn_q.weight', sizes: [64, 8], type: 3, data }
    const bytes = g.ggufBytes({
      metadata: llamaMetadata({ ...wide, num_attention_heads: 2, num_key_value_heads: 2 }),
      tensors: [tensor],
    })
    await withSource(bytes, async (source) => {
      expect((await source.read(Q)).data).toEqual(values)
      const { scales, offsets, packed } = (await source.readQuantised!(Q, { from: 3, to: 8 }))!
      expect([...scales.data]).toEqual([3, 3, 4, 4, 5, 5, 6, 6, 7, 7])
      expect([...offsets!.data]).toEqual([...scales.data].map((scale) => 8 * scale - scale))
      expect(packed.shape).toEqual([5, 8])
      expect(packed.data.every((word) => word >>> 0 === 0x0fedcba9)).toBe(true)
    })
  })

  it('outside the tensor, and names that are not there, are refused', async () => {
    await withSource(g.ggufBytes(llamaGguf(config, small)), async (source) => {
      await expect(source.read(Q, { from: 4, to: 9 })).rejects.toThrow(FileError)
      await expect(source.read('model.layers.0.self_attn.q_proj')).rejects.toThrow(/did you mean/)
    })
  })

  it('that fill several chunks are put together', async () => {
    const large = matrix(5, 300_000)
    const head = new Map([['lm_head.weight', large]])
    await withSource(g.ggufBytes(llamaGguf(config, head)), async (source) => {
      const { data } = await source.read('lm_head.weight')
      expect(Buffer.from(data.buffer).equals(Buffer.from(large.data.buffer))).toBe(true)
    })
  })
})

describe('the configuration', () => {
  const configWith = (more: g.GgufParts['metadata'], tensors: readonly g.TensorBytes[] = []) => {
    const keys = new Set(more!.map(([key]) => key))
    const all = [...metadata.filter(([key]) => !keys.has(key)), ...more!]
    return withSource(g.ggufBytes({ metadata: all, tensors }), async (source) => source.config)
  }
  /** The factors that llama.cpp's conversion writes for Llama 3.1, here for heads of 128. */
  const factors = Float32Array.from({ length: 64 }, (_, i) => {
    const wavelength = 2 * Math.PI * 500000 ** (i / 64)
    const smooth = (8192 / wavelength - 1) / 3
    return wavelength < 2048 ? 1 : wavelength > 8192 ? 8 : 1 / ((1 - smooth) / 8 + smooth)
  })
  const llama3 = [
    ['llama.attention.key_length', g.u32(128)],
    ['llama.rope.dimension_count', g.u32(128)],
    ['llama.rope.freq_base', g.f32(500000)],
  ] as const
  const ropeFreqs = (values: Float32Array) => [
    { name: 'rope_freqs.weight', sizes: [values.length], type: 0, data: new Uint8Array(values.slice().buffer) },
  ]

  it('has the rule of Llama 3.1 where the file has the factors that it gives', async () => {
    const { rope_scaling, rope_theta } = await configWith(llama3, ropeFreqs(factors))
    expect(rope_theta).toBe(500000)
    expect(rope_scaling).toEqual({
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    })
    expect((await configWith(llama3, ropeFreqs(new Float32Array(64).fill(1)))).rope_scaling).toBe(null)
  })

  it('refuses factors of another rule or number', async () => {
    await expect(configWith(llama3, ropeFreqs(factors.map((x, i) => (i === 40 ? x * 1.1 : x))))).rejects.toThrow(
      /not those of Llama 3.1's rule/,
    )
    await expect(configWith(llama3, ropeFreqs(factors.slice(1)))).rejects.toThrow(FileError)
  })

  it('takes the number of tokens for the size of the vocabulary, and one value for all layers', async () => {
    const withoutSize = metadata.filter(([key]) => key !== 'llama.vocab_size')
    const more = [
      ['tokenizer.ggml.tokens', g.texts(['a', 'b'])],
      ['llama.attention.head_count_kv', g.i32s([1, 1])],
    ] as const
    const parts = { metadata: [...withoutSize.filter(([key]) => !key.endsWith('kv')), ...more] }
    await withSource(g.ggufBytes(parts), async ({ config }) => {
      expect([config.vocab_size, config.num_key_value_heads]).toEqual([2, 1])
    })
    await expect(configWith([['llama.attention.head_count_kv', g.i32s([1, 2])]])).rejects.toThrow(/layer to layer/)
  })

  it.each([
    [[['general.architecture', g.text('qwen2')]], /architecture "qwen2"/],
    [[['llama.expert_count', g.u32(8)]], /mixture of experts/],
    [[['split.count', g.u32(3)]], /one of 3 files/],
    [[['llama.rope.dimension_count', g.u32(2)]], /RoPE on 2 of the 4/],
  ] as const)('is refused: %#', async (more, message) => {
    await expect(configWith(more)).rejects.toThrow(UnsupportedError)
    await expect(configWith(more)).rejects.toThrow(message)
  })

  it('passes on a scaling that the model lacks, which llamaConfig names', async () => {
    const scaled = await configWith([
      ['llama.rope.scaling.type', g.text('yarn')],
      ['llama.rope.scaling.factor', g.f32(4)],
    ])
    expect(() => llamaConfig(scaled)).toThrow(/yarn/)
  })
})

describe('the header', () => {
  const vocabulary = [
    ['tokenizer.ggml.model', g.text('gpt2')],
    ['tokenizer.ggml.pre', g.text('llama-bpe')],
    ['tokenizer.ggml.tokens', g.texts(['a', 'Ġß€😀', '', 'a token of more than twenty-four characters'])],
    ['tokenizer.ggml.scores', g.f32s([0, -1, -2.5, 1])],
    ['tokenizer.ggml.token_type', g.i32s([1, 1, 3, 6])],
    ['tokenizer.ggml.merges', g.texts(['a b', 'ab c'])],
    ['tokenizer.ggml.bos_token_id', g.u32(2)],
    ['tokenizer.ggml.eos_token_id', g.u32(3)],
    ['tokenizer.ggml.padding_token_id', g.u32(0xffffffff)],
    ['tokenizer.ggml.add_bos_token', g.bool(true)],
    ['tokenizer.chat_template', g.text('{{ bos_token }}')],
  ] as const
  const more = [
    ['general.alignment', g.u32(64)],
    ['general.bytes', g.array(0, 3, Uint8Array.of(1, 2, 255))],
    ['general.negative', g.array(11, 1, g.u64Bytes(2n ** 64n - 1n))],
    ['general.size', g.u64(2 ** 40)],
  ] as const
  const parts = llamaGguf(config, small)
  const bytes = g.ggufBytes({ ...parts, metadata: [...metadata, ...vocabulary, ...more], alignment: 64 })

  it('is read as @huggingface/gguf reads it, of versions 2 and 3', async () => {
    for (const version of [2, 3]) {
      const same = bytes.slice()
      same[4] = version
      await withBytes(same, async (path) => {
        const other = await gguf(path, { allowLocalFile: true })
        await withSource(same, async (source) => {
          const plain = (value: unknown): unknown =>
            typeof value === 'bigint'
              ? Number(value)
              : typeof value === 'object'
                ? Array.from(value as number[], plain)
                : value
          const ours = Object.fromEntries([...source.metadata].map(([key, value]) => [key, plain(value)]))
          const theirs = Object.entries(other.metadata).filter(([key]) => key.includes('.'))
          expect(ours).toEqual(Object.fromEntries(theirs.map(([key, value]) => [key, plain(value)])))
          const shapes = [...source.tensors.values()].map(({ shape }) => [...shape].reverse().map(BigInt))
          expect(shapes).toEqual(other.tensorInfos.map(({ shape }) => shape))
        })
      })
    }
  })

  it('has the tokenizer as plain lists', async () => {
    await withSource(bytes, async ({ tokenizer }) => {
      expect(tokenizer).toEqual({
        model: 'gpt2',
        pre: 'llama-bpe',
        tokens: ['a', 'Ġß€😀', '', 'a token of more than twenty-four characters'],
        scores: [0, -1, -2.5, 1],
        types: [1, 1, 3, 6],
        merges: ['a b', 'ab c'],
        bos: 2,
        eos: 3,
        unknown: undefined,
        pad: undefined,
        addBos: true,
        addEos: undefined,
        addSpacePrefix: undefined,
        chatTemplate: '{{ bos_token }}',
      })
    })
  })

  it('puts strings together that begin in one chunk and end in the next', async () => {
    const tokens = Array.from({ length: 60_000 }, (_, i) => `${'x'.repeat(i % 150)}${i}`)
    const long = [
      ...metadata,
      ['tokenizer.ggml.model', g.text('llama')],
      ['tokenizer.ggml.tokens', g.texts(tokens)],
    ] as const
    await withSource(g.ggufBytes({ ...parts, metadata: long }), async (source) => {
      expect(source.tokenizer!.tokens.join()).toBe(tokens.join())
      expect((await source.read(Q)).data).toEqual(small.get(Q)!.data)
    })
  })
})
