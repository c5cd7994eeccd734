import { describe, expect, test } from 'vitest'
import { Random } from '../../src/data/random.ts'
import { makeGenerator } from '../../src/generate/generator.ts'
import { tensor } from '../../src/ir/ops.ts'
import { sizeOf } from '../../src/ir/shape.ts'
import { fromHost, hostArrayOf } from '../../src/ir/tensor.ts'
import { llamaConfig } from '../../src/models/config.ts'
import type { DecoderAttention } from '../../src/models/decoder-attention.ts'
import { llamaEmbed, llamaHidden, llamaLogits, llamaSpec } from '../../src/models/llama.ts'
import { buildParams } from '../../src/models/params.ts'
import { sampler } from '../../src/models/sampling.ts'
import { slidingWindow } from '../../src/nn/variants.ts'

const config = llamaConfig({
  vocab_size: 19,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 32,
})
const random = new Random(5)
const params = buildParams(llamaSpec(config), (_, { shape }) =>
  fromHost({ dtype: 'f32', shape, data: Float32Array.from({ length: sizeOf(shape) }, () => 0.5 * random.normal()) }),
)
const device = 'reference'

/** Greedy tokens without any cache: the whole text goes through the model for each. */
function uncached(prompt: readonly number[], count: number, attention: DecoderAttention = 'causal'): number[] {
  const ids = [...prompt]
  for (let i = 0; i < count; i++) {
    const embeds = llamaEmbed(params, tensor([ids], { dtype: 'i32' }))
    const logits = hostArrayOf(llamaLogits(params, llamaHidden(params, config, embeds, { attention })), 'test')
    ids.push(sampler()(logits.data.subarray((ids.length - 1) * 19)))
  }
  return ids.slice(prompt.length)
}

async function continued(
  prompts: readonly (readonly number[])[],
  count: number,
  samplers?: Parameters<typeof makeGenerator>[0]['samplers'],
): Promise<number[][]> {
  const generator = makeGenerator({ params, config, positions: 24, batch: prompts.length, device, samplers })
  const texts = prompts.map((): number[] => [])
  for await (const tokens of generator.continue(prompts, count)) tokens.forEach((id, b) => texts[b]!.push(id))
  return texts
}

describe('a generator', () => {
  test('continues one text as a model without a cache does', async () => {
    expect(await continued([[1, 7, 3]], 8)).toEqual([uncached([1, 7, 3], 8)])
  })

  test('continues several texts of different lengths, each as if it were alone', async () => {
    const prompts = [[1, 7, 3, 12, 5, 5], [2], [9, 9, 4]]
    expect(await continued(prompts, 8)).toEqual(prompts.map((prompt) => uncached(prompt, 8)))
  })

  test('draws for each text from its own numbers, and shows samplers what is there', async () => {
    const seen: (readonly number[])[] = []
    const forced =
      (ids: readonly number[]) =>
      (_: ArrayLike<number>, context: readonly number[] = []) => {
        seen.push([...context])
        return ids[context.length - 1] ?? 0
      }
    expect(await continued([[4], [6]], 3, [forced([1, 2, 3]), forced([5, 5, 5])])).toEqual([
      [1, 2, 3],
      [5, 5, 5],
    ])
    expect(seen).toEqual([[4], [6], [4, 1], [6, 5], [4, 1, 2], [6, 5, 5]])
  })

  test('a penalty on repetition forbids what was there', async () => {
    const never = () => sampler({ repetitionPenalty: 1e9 })
    const [text] = await continued([[1]], 6, [never()])
    const logitsAbove0 = new Set(text)
    expect(logitsAbove0.size).toBe(6)
  })

  test('with attention of one’s own, as a model without a cache does', async () => {
    const attention = slidingWindow(2)
    const generator = makeGenerator({ params, config, positions: 24, device, attention })
    const text: number[] = []
    for await (const [id] of generator.continue([[1, 7, 3]], 6)) text.push(id!)
    expect(text).toEqual(uncached([1, 7, 3], 6, attention))
    expect(text).not.toEqual(uncached([1, 7, 3], 6))
  })

  test('says what does not fit', async () => {
    await expect(continued([[]], 2)).rejects.toThrow(/an empty prompt/)
    await expect(continued([[1, 2, 3]], 40)).rejects.toThrow(/the context is full/)
    expect(() => makeGenerator({ params, config, positions: 8, batch: 2, samplers: [sampler()] })).toThrow(
      /1 samplers for 2 texts/,
    )
  })
})
