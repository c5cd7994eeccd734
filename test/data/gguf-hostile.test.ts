import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ggufSource } from '../../src/data/gguf.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { FileError, UnsupportedError } from '../../src/util/errors.ts'
import * as g from './gguf-bytes.ts'
import { llamaMetadata } from './llama-gguf.ts'

const config = llamaConfig({
  vocab_size: 2,
  hidden_size: 32,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
})
const metadata = [
  ...llamaMetadata(config),
  ['tokenizer.ggml.model', g.text('llama')],
  ['tokenizer.ggml.tokens', g.texts(['<s>', 'ß'])],
  ['tokenizer.ggml.scores', g.f32s([0, -1])],
  ['tokenizer.ggml.bos_token_id', g.u32(0)],
  ['tokenizer.ggml.add_bos_token', g.bool(true)],
] as const
const tensor = (name: string, change: Partial<g.TensorBytes> = {}): g.TensorBytes => ({
  name,
  sizes: [32, 2],
  type: 0,
  data: new Uint8Array(256).fill(1),
  ...change,
})
const q8 = { type: 8, sizes: [32, 32], data: new Uint8Array(34 * 32).fill(3) }
const embedding = tensor('token_embd.weight')
const tensors = [embedding, tensor('blk.0.attn_q.weight', q8), tensor('output_norm.weight', { sizes: [32] })]
const whole: g.GgufParts = { metadata, tensors }
const good = g.ggufBytes(whole)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-gguf-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Opens and reads everything, in both forms. */
async function readAll(bytes: Uint8Array): Promise<void> {
  const path = join(folder, 'model.gguf')
  await writeFile(path, bytes)
  const source = await ggufSource(path)
  try {
    for (const [name, { shape }] of source.tensors) {
      await source.read(name)
      await source.readQuantised!(name)
      if (shape[0]! > 1) await source.read(name, { from: 1, to: 2 })
    }
  } finally {
    await source.close()
  }
}

const withEntry = (...entry: readonly [string, g.Value]): g.GgufParts => ({
  ...whole,
  metadata: [...metadata.filter(([key]) => key !== entry[0]), entry],
})
const withTensor = (change: Partial<g.TensorBytes>, name = 'output.weight'): g.GgufParts => ({
  ...whole,
  tensors: [...tensors, tensor(name, change)],
})
const value = (kind: number, ...bytes: number[]): g.Value => ({ kind, bytes: Uint8Array.from(bytes) })
const HUGE = 2n ** 63n

describe('a file that is not well-formed', () => {
  it('is told from one that is', () => readAll(good))

  it.each<[string, g.GgufParts, RegExp]>([
    ['other magic', { ...whole, magic: 'GGML' }, /does not begin with 'GGUF'/],
    ['too many tensors', { ...whole, tensorCount: 2 ** 50 }, /claims to have 1125899906842624 tensors/],
    ['more tensors than fit', { ...whole, tensorCount: 90_000 }, /its header needs/],
    ['too much metadata', { ...whole, metadataCount: 2 ** 60 }, /claims to have .* metadata entries/],
    ['a key twice', { ...whole, metadata: [...metadata, metadata[0]!] }, /"general.architecture" stands there twice/],
    ['an unknown kind', withEntry('a', value(13)), /metadata "a" is of unknown kind 13/],
    ['an array of an unknown kind', withEntry('a', g.array(99, 1, Uint8Array.of(1))), /unknown kind 99/],
    ['an array of arrays', withEntry('a', g.array(9, 1, g.f32s([1]).bytes)), /"a" is an array of arrays/],
    ['an array longer than the file', withEntry('a', g.array(12, 2 ** 53, new Uint8Array())), /its header needs/],
    ['more strings than the file has bytes', withEntry('a', g.array(8, 2 ** 40, new Uint8Array())), /its header needs/],
    ['a string longer than the file', withEntry('a', { kind: 8, bytes: g.u64Bytes(HUGE) }), /its header needs/],
    ['a string that is not UTF-8', withEntry('a', value(8, 1, 0, 0, 0, 0, 0, 0, 0, 0xff)), /is not UTF-8/],
    ['a boolean of 2', withEntry('a', value(7, 2)), /a boolean other than 0 and 1/],
    ['an alignment of 48', withEntry('general.alignment', g.u32(48)), /not a power of two/],
    ['an alignment of 0', withEntry('general.alignment', g.u32(0)), /not a power of two/],
    ['an alignment in words', withEntry('general.alignment', g.text('32')), /not a power of two/],
    ['a count that is a text', withEntry('llama.block_count', g.text('1')), /llama.block_count is not a number/],
    ['no heads', withEntry('llama.attention.head_count', g.u32(0)), /head_count is 0, not a positive integer/],
    ['half a head', withEntry('llama.attention.head_count_kv', g.f32(0.5)), /kv is 0.5, not a positive integer/],
    [
      'rows of other heads',
      withTensor({ sizes: [8, 6] }, 'blk.0.attn_k.weight'),
      /has 6 rows, which are not 2 heads of even size/,
    ],
    [
      'scores for other tokens',
      withEntry('tokenizer.ggml.scores', g.f32s([1])),
      /1 tokenizer.ggml.scores for 2 tokens/,
    ],
    ['tokens that are numbers', withEntry('tokenizer.ggml.tokens', g.f32s([1, 2])), /is not an array of texts/],
    ['a tensor twice', withTensor({}, 'token_embd.weight'), /"token_embd.weight" stands there twice/],
    ['five dimensions', withTensor({ sizes: [1, 1, 1, 1, 64] }), /has 5 dimensions/],
    ['a type that ggml does not have', withTensor({ type: 77 }), /is of unknown type 77/],
    ['rows that are no whole blocks', withTensor({ sizes: [31, 1], type: 8 }), /rows of 31 are no multiple of the 32/],
    ['sizes that overflow', withTensor({ sizes: [2 ** 40, 2 ** 40] }), /overflows/],
    ['sizes that overflow before a 0', withTensor({ sizes: [0, 2 ** 50, 2 ** 50] }), /overflows/],
    ['an offset out of line', withTensor({ offset: 8 }), /offset 8 is not a multiple of 32/],
    ['an offset past the end', withTensor({ offset: 2 ** 40 }), /ends at byte .* and the file at/],
    ['a tensor over another', withTensor({ offset: 32 }), /overlaps the tensor before it/],
    ['a tensor longer than the file', withTensor({ sizes: [32, 2 ** 30] }), /ends at byte .* truncated/s],
  ])('is refused for %s', async (_, parts, message) => {
    const bytes = g.ggufBytes(parts)
    await expect(readAll(bytes)).rejects.toThrow(FileError)
    await expect(readAll(bytes)).rejects.toThrow(message)
  })

  it.each<[string, g.GgufParts, RegExp]>([
    ['version 1', { ...whole, version: 1 }, /GGUF of version 1\n.*2 and 3, little-endian/],
    ['version 4', { ...whole, version: 4 }, /GGUF of version 4/],
    ['the other byte order', { ...whole, version: 0x03000000 }, /is big-endian/],
    ['a type that weft does not read', withTensor({ type: 23 }), /"output.weight" is of type IQ4_XS/],
    [
      'a tensor that a LLaMA lacks',
      withTensor({}, 'blk.0.ffn_gate_exps.weight'),
      /"blk.0.ffn_gate_exps.weight" is none/,
    ],
    ['a bias of a norm', withTensor({}, 'output_norm.bias'), /"output_norm.bias" is none/],
  ])('is unsupported for %s', async (_, parts, message) => {
    const bytes = g.ggufBytes(parts)
    await expect(readAll(bytes)).rejects.toThrow(UnsupportedError)
    await expect(readAll(bytes)).rejects.toThrow(message)
  })

  it('may leave holes between tensors, which nobody reads', () =>
    readAll(g.ggufBytes({ ...whole, tensors: [...tensors, tensor('output.weight', { data: new Uint8Array(999) })] })))
})

describe('whatever the bytes are, reading ends in numbers or in an error that names the file', () => {
  const readable = async (bytes: Uint8Array): Promise<void> => {
    try {
      await readAll(bytes)
    } catch (error) {
      if (!(error instanceof FileError || error instanceof UnsupportedError)) throw error
      expect(error.message).toContain('model.gguf')
    }
  }
  const headerBytes = good.length - 256 - 34 * 32 - 128

  it('when the file is cut short', async () => {
    const cut = fc.asyncProperty(fc.nat(good.length - 129), async (length) => {
      await expect(readAll(good.subarray(0, length))).rejects.toThrow(FileError)
    })
    await fc.assert(cut, { numRuns: 150 })
  })

  it('when bytes are others', async () => {
    const change = fc.tuple(fc.nat(headerBytes), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)))
    const property = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const bytes = good.slice()
      for (const [at, byte] of changes) bytes[at] = byte
      await readable(bytes)
    })
    await fc.assert(property, { numRuns: 300 })
  })

  it('when fields have any value', async () => {
    const size = fc.oneof(fc.nat(64), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(Number))
    const parts = fc.record({
      version: fc.constantFrom(2, 3),
      tensorCount: fc.constantFrom(0, 1, 2),
      metadata: fc.array(
        fc.tuple(
          fc.constantFrom(...metadata.map(([key]) => key)),
          fc.oneof(
            fc.constantFrom(...metadata.map(([, value]) => value)),
            fc.double().map(g.f32),
            fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(g.u64),
            fc
              .tuple(fc.nat(13), size, fc.uint8Array())
              .map(([kind, count, bytes]) => g.array(kind, Math.min(count, 2 ** 63), bytes)),
          ),
        ),
        { maxLength: 2 },
      ),
      tensors: fc.array(
        fc.record({
          name: fc.constantFrom('blk.0.attn_q.weight', 'blk.0.attn_k.bias', 'output.weight', 'rope_freqs.weight'),
          sizes: fc.array(
            size.map((n) => Math.min(n, 2 ** 63)),
            { maxLength: 5 },
          ),
          type: fc.oneof(fc.nat(45), fc.constantFrom(0, 8, 12)),
          data: fc.uint8Array({ maxLength: 2000 }),
        }),
        { minLength: 2, maxLength: 2 },
      ),
    })
    const property = fc.asyncProperty(parts, async (random) => {
      const replaced = new Map([...metadata, ...random.metadata])
      await readable(g.ggufBytes({ ...random, metadata: [...replaced] }))
    })
    await fc.assert(property, { numRuns: 200 })
  })
})
