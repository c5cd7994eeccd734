import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { quantise } from '../../src/data/quantise.ts'
import { key, tensor } from '../../src/ir/ops.ts'
import { fromHost, hostArrayOf, isTensor } from '../../src/ir/tensor.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { initParams } from '../../src/models/init.ts'
import { type LlamaParams, llamaEmbed, llamaHidden, llamaLogits, llamaSpec } from '../../src/models/llama.ts'
import { inPieces, splitParams, splitRows, splitWeight } from '../../src/models/split.ts'
import { linear } from '../../src/nn/linear.ts'
import { ValueError } from '../../src/util/errors.ts'
import { flatten } from '../../src/util/tree.ts'

describe('splitRows', () => {
  test('covers all rows once, in order, within the limit, in pieces of nearly equal height', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 300 }),
        fc.nat(100_000),
        (O, row, more) => {
          const limit = row + more
          const ranges = splitRows([O, 1], row, limit)
          const begins = [0, ...ranges.map(({ to }) => to)]
          const ok = ranges.every(({ from, to }, i) => from === begins[i] && to > from && (to - from) * row <= limit)
          expect(ok && begins.at(-1) === O, JSON.stringify(ranges)).toBe(true)
          if (O * row <= limit) expect(ranges).toHaveLength(1)
        },
      ),
    )
  })

  test('a vocabulary of 32000 rows of 8 KiB goes into two pieces of 128 MiB at most, cut at a multiple of 64', () => {
    expect(splitRows([32000, 4096], 8192, 2 ** 27)).toEqual([
      { from: 0, to: 16000 },
      { from: 16000, to: 32000 },
    ])
  })

  test('rows that alone exceed the limit are an error', () => {
    expect(() => splitRows([4, 4096], 8192, 8191)).toThrow(ValueError)
  })
})

test('inPieces leaves a matrix that fits as one', () => {
  expect(inPieces([10, 4], 16, 160, ({ from, to }) => [from, to])).toEqual([0, 10])
  expect(inPieces([10, 4], 16, 80, ({ from, to }) => [from, to])).toEqual({
    parts: [
      [0, 5],
      [5, 10],
    ],
  })
})

const config = llamaConfig({
  vocab_size: 300,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 2,
})
const spec = llamaSpec(config)
const params: LlamaParams = initParams(spec, key(3))
const ids = tensor([[3, 299, 4, 150, 0]], { dtype: 'i32' })
const logits = (p: LlamaParams): Promise<Float32Array> =>
  llamaLogits(p, llamaHidden(p, config, llamaEmbed(p, ids), { attention: 'causal' })).read() as Promise<Float32Array>

describe('splitParams', () => {
  test('a decoder with a small limit has no larger tensor, and gives the same logits', async () => {
    const limit = 4096
    const split = await splitParams(spec, params, limit)
    const { leaves } = flatten(split, isTensor)
    expect(Math.max(...leaves.map((t) => 4 * t.size))).toBeLessThanOrEqual(limit)
    expect(split.model.embed_tokens.weight).toMatchObject({ parts: expect.any(Array) })
    expect(await logits(split)).toEqual(await logits(params))
  })

  test('what fits is left as it is', async () => {
    const split = await splitParams(spec, params, 10_000)
    expect(split.model.layers).toEqual(params.model.layers)
    expect(split.model.layers[0]!.mlp.up_proj.weight).toBe(params.model.layers[0]!.mlp.up_proj.weight)
  })

  test('the pieces are views of the same memory', async () => {
    const whole = params.model.embed_tokens.weight
    const split = await splitWeight(whole, 10_000)
    const first = flatten(split, isTensor).leaves[0]!
    expect(hostArrayOf(first, 'test').data.buffer).toBe(isTensor(whole) && hostArrayOf(whole, 'test').data.buffer)
  })
})

test('quantised, adapted and already split weights are split too', async () => {
  const dense = tensor(
    Float32Array.from({ length: 256 * 32 }, (_, i) => Math.sin(i)),
    { shape: [256, 32] },
  )
  const { packed, scales } = quantise(hostArrayOf(dense, 'test'), { bits: 4 })
  const int4 = { int4: fromHost(packed), scales: fromHost(scales) }
  const adapter = {
    down: tensor(new Float32Array(64).fill(0.5), { shape: [2, 32] }),
    up: tensor(new Float32Array(512).fill(0.25), { shape: [256, 2] }),
    scale: tensor(2),
  }
  const x = tensor(
    Float32Array.from({ length: 64 }, (_, i) => Math.cos(i)),
    { shape: [2, 32] },
  )
  for (const weight of [int4, { base: int4, ...adapter }, { parts: [int4, dense] }]) {
    const split = await splitWeight(weight, 2048)
    const largest = flatten(split, isTensor).leaves.map((t) => 4 * t.size)
    expect(Math.max(...largest)).toBeLessThanOrEqual(2048)
    expect(await linear(x, { weight: split }).read()).toEqual(await linear(x, { weight }).read())
  }
})
