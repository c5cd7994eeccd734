import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { llama2cSource } from '../../src/data/llama2c.ts'
import { readLlama2cTokenizer } from '../../src/data/llama2c-tokenizer.ts'
import { FileError } from '../../src/util/errors.ts'
import { checkpointBytes, fileOrder, SMALL } from './llama2c-bytes.ts'
import { dot, plainLlama, rotateHalves, rotateNeighbours } from './llama2c-reference.ts'
import { readLlama2c } from './read-llama2c.ts'

let folder: string
let path: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-llama2c-'))
  path = join(folder, 'small.bin')
})
afterAll(() => rm(folder, { recursive: true }))

async function read(bytes: Uint8Array) {
  await writeFile(path, bytes)
  return readLlama2c(path)
}

describe('a small checkpoint', () => {
  it("gives the configuration under Hugging Face's names", async () => {
    const { config } = await read(checkpointBytes(SMALL).bytes)
    expect(config).toEqual({
      hidden_size: 8,
      intermediate_size: 6,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      vocab_size: 5,
      max_position_embeddings: 3,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      tie_word_embeddings: false,
    })
  })

  it('takes every array from its place in the file', async () => {
    const { bytes, starts } = checkpointBytes(SMALL)
    const { tensors } = await read(bytes)
    const layer = (i: number): [string, string, number[]][] => [
      [`model.layers.${i}.input_layernorm.weight`, `attention norm ${i}`, [8]],
      [`model.layers.${i}.self_attn.v_proj.weight`, `wv ${i}`, [4, 8]],
      [`model.layers.${i}.self_attn.o_proj.weight`, `wo ${i}`, [8, 8]],
      [`model.layers.${i}.post_attention_layernorm.weight`, `ffn norm ${i}`, [8]],
      [`model.layers.${i}.mlp.gate_proj.weight`, `w1 ${i}`, [6, 8]],
      [`model.layers.${i}.mlp.down_proj.weight`, `w2 ${i}`, [8, 6]],
      [`model.layers.${i}.mlp.up_proj.weight`, `w3 ${i}`, [6, 8]],
    ]
    const expected: [string, string, number[]][] = [
      ['model.embed_tokens.weight', 'embed 0', [5, 8]],
      ...layer(0),
      ...layer(1),
      ['model.norm.weight', 'norm 0', [8]],
      ['lm_head.weight', 'classifier 0', [5, 8]],
    ]
    for (const [name, inFile, shape] of expected) {
      const { dtype, shape: found, data } = tensors.get(name)!
      expect([name, dtype, found]).toEqual([name, 'f32', shape])
      const start = starts.get(inFile)!
      expect([...data], name).toEqual(Array.from(data, (_, i) => start + i))
    }
    expect(tensors.size).toBe(expected.length + 2 * 2) // and wq, wk of either layer
  })

  it('orders the rows of q and k so that half rotation scores as neighbour rotation did', async () => {
    const { bytes, starts } = checkpointBytes(SMALL)
    const { tensors } = await read(bytes)
    const x = Float32Array.from({ length: 8 }, (_, i) => Math.sin(i) / 1000)
    const project = (weight: Float32Array) =>
      Float32Array.from({ length: weight.length / 8 }, (_, row) => dot(weight, row * 8, x, 0, 8))
    const floats = new Float32Array(bytes.buffer, 28)
    const inFile = (name: string, rows: number) => {
      const start = starts.get(name)!
      return project(floats.subarray(start, start + rows * 8))
    }
    const loaded = (name: string) => project(tensors.get(`model.layers.1.self_attn.${name}_proj.weight`)!.data)
    const q = [rotateNeighbours(inFile('wq 1', 8), 4, 5), rotateHalves(loaded('q'), 4, 5)] as const
    const k = [rotateNeighbours(inFile('wk 1', 4), 4, 2), rotateHalves(loaded('k'), 4, 2)] as const
    for (const head of [0, 4]) {
      const [theirs, ours] = [dot(q[0], head, k[0], 0, 4), dot(q[1], head, k[1], 0, 4)]
      expect(Math.abs(ours - theirs)).toBeLessThan(1e-5 * Math.abs(theirs))
    }
    expect(loaded('q')).not.toEqual(inFile('wq 1', 8))
  })

  it('gives the same by rows, which need not be those of whole heads', async () => {
    const { tensors } = await read(checkpointBytes(SMALL).bytes)
    const source = await llama2cSource(path)
    for (const [name, { shape, data }] of tensors) {
      expect([name, source.tensors.get(name)]).toEqual([name, { shape, stored: 'F32', bytes: data.byteLength }])
      const perRow = data.length / shape[0]!
      for (const [from, to] of [
        [0, 1],
        [1, 4],
        [2, 2],
      ] as const) {
        const part = await source.read(name, { from, to })
        expect([name, from, ...part.data]).toEqual([name, from, ...data.subarray(from * perRow, to * perRow)])
      }
    }
    await source.close()
  })

  it('has no lm_head when the classifier is shared', async () => {
    const { config, tensors } = await read(checkpointBytes({ ...SMALL, vocab: 5 }).bytes)
    expect(config.tie_word_embeddings).toBe(true)
    expect(tensors.has('lm_head.weight')).toBe(false)
  })
})

describe('a file that is no checkpoint', () => {
  const { bytes } = checkpointBytes(SMALL)
  const refuses = async (wrong: Uint8Array, message: RegExp) => {
    await expect(read(wrong)).rejects.toThrow(FileError)
    await expect(read(wrong)).rejects.toThrow(message)
    await expect(read(wrong)).rejects.toThrow(path)
  }

  it.each([0, 27])('is refused at %i bytes', (size) => refuses(bytes.subarray(0, size), /only \d+ bytes long/))

  it('is refused when a byte is missing or extra', async () => {
    const takes = new RegExp(`takes ${28 + 4 * fileOrder(SMALL).reduce((sum, [, size, n]) => sum + size * n, 0)}`)
    await refuses(bytes.subarray(0, bytes.length - 1), takes)
    await refuses(Uint8Array.from([...bytes, 0]), takes)
  })

  it.each([
    [{ dim: 0 }, /dim is 0/],
    [{ layers: -1 }, /n_layers is -1/],
    [{ vocab: 0 }, /vocab_size is 0/],
    [{ heads: 3 }, /does not give 3 heads/],
    [{ heads: 8 }, /heads of even size/],
    [{ kvHeads: 3 }, /not a multiple of n_kv_heads/],
    [{ dim: 2 ** 30, vocab: 2 ** 30, layers: 2 ** 30 }, /long, but a llama2.c checkpoint of its header takes/],
  ])('is refused with %o in its header', async (change, message) => {
    const h = { ...SMALL, ...change }
    const wrong = bytes.slice()
    new Int32Array(wrong.buffer, 0, 7).set([h.dim, h.hidden, h.layers, h.heads, h.kvHeads, h.vocab, h.positions])
    await refuses(wrong, message)
  })

  it('is refused when there is none', () => expect(readLlama2c(join(folder, 'none'))).rejects.toThrow(/no such file/))
})

const WEIGHTS = new URL('../../../shared/weights/', import.meta.url).pathname
const STORY = `Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she`

describe.runIf(existsSync(join(WEIGHTS, 'stories260K.bin')))('the TinyStories checkpoint', () => {
  it('tells the story llama2.c tells, greedily from BOS', async () => {
    const checkpoint = await readLlama2c(join(WEIGHTS, 'stories260K.bin'))
    const tokenizer = await readLlama2cTokenizer(join(WEIGHTS, 'tok512.bin'), checkpoint.config.vocab_size)
    const step = plainLlama(checkpoint)
    const ids = tokenizer.encode('', { bos: true })
    for (let i = 0; i < 200; i++) {
      const logits = step(ids.at(-1)!)
      ids.push(logits.indexOf(logits.reduce((a, b) => Math.max(a, b))))
    }
    expect(tokenizer.decode(ids)).toBe(STORY)
  })
})
