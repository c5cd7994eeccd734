import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeGenerator } from '../../src/generate/generator.ts'
import { cast, key, mul, normal, slice, tensor } from '../../src/ir/ops.ts'
import { isTensor, type Tensor } from '../../src/ir/tensor.ts'
import type { LlamaConfig, RopeScaling } from '../../src/models/config.ts'
import { emptyCache } from '../../src/models/kv-cache.ts'
import { type LlamaParams, llamaEmbed, llamaHidden, llamaLogits, llamaSpec, llamaStep } from '../../src/models/llama.ts'
import { buildParams } from '../../src/models/params.ts'
import { flatten } from '../../src/util/tree.ts'
import { apart } from '../nn/oracle.ts'
import { tinyLlama } from './tiny-models.ts'

/** With and without a cache, alone and in a batch: the logits themselves, not only the tokens that win. */

const TRAINED = 16
const V = 24
const SCALINGS: readonly (RopeScaling | null)[] = [
  null,
  { type: 'linear', factor: 3 },
  { type: 'dynamic', factor: 3 },
  { type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8 },
]
const cases = SCALINGS.map((scaling) => ({
  name: scaling?.type ?? 'no',
  config: tinyLlama({ rope_scaling: scaling, max_position_embeddings: TRAINED, head_dim: 8 }),
}))
/** Large enough that attention is not flat, and rotations tell. */
const params = buildParams(llamaSpec(tinyLlama()), (_, { shape }, i) => mul(normal(key(i), shape), 0.5))
const ids = (rows: readonly (readonly number[])[]): Tensor =>
  tensor(
    rows.map((r) => [...r]),
    { dtype: 'i32' },
  )
const text = fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength: 2, maxLength: TRAINED })
const RUNS = { numRuns: 8 }

/** Logits [T*V] of one text in one pass. */
async function uncached(p: LlamaParams, config: LlamaConfig, tokens: readonly number[]): Promise<Float32Array> {
  const hidden = llamaHidden(p, config, llamaEmbed(p, ids([tokens])), { attention: 'causal' })
  return (await llamaLogits(p, hidden).read()) as Float32Array
}

const row = (logits: ArrayLike<number>, t: number): number[] => Array.from(logits).slice(t * V, (t + 1) * V)

/** The logits that each text's sampler was shown, while the given tokens followed its prompt. */
async function shown(
  p: LlamaParams,
  config: LlamaConfig,
  texts: readonly { readonly prompt: readonly number[]; readonly forced: readonly number[] }[],
): Promise<number[][][]> {
  const seen = texts.map((): number[][] => [])
  const samplers = texts.map(({ forced }, b) => (logits: ArrayLike<number>) => {
    seen[b]!.push(Array.from(logits))
    return forced[seen[b]!.length - 1]!
  })
  const options = { params: p, config, positions: 64, batch: texts.length, device: 'reference', samplers } as const
  const generator = makeGenerator(options)
  const prompts = texts.map(({ prompt }) => prompt)
  for await (const _ of generator.continue(prompts, texts[0]!.forced.length)) void _
  return seen
}

describe.each(cases)('with $name scaling of RoPE', ({ config }) => {
  test('passes of any lengths over a cache give the logits of one pass', async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 16 }), async (tokens, steps) => {
        const whole = await uncached(params, config, tokens)
        const embeds = llamaEmbed(params, ids([tokens]))
        let cache = emptyCache(config, 1, TRAINED)
        for (let from = 0, i = 0; from < tokens.length; i++) {
          const to = Math.min(tokens.length, from + steps[i]!)
          const next = llamaStep(params, config, slice(embeds, [0, from, 0], [1, to, 16]), cache, {
            attention: 'causal',
          })
          expect(apart(await next.logits.read(), row(whole, to - 1))).toBeLessThan(1e-4)
          cache = next.cache
          from = to
        }
      }),
      RUNS,
    )
  })

  test('a text in a batch gets the logits that it gets alone, also past the trained length', async () => {
    const tokens = (minLength: number, maxLength: number) =>
      fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength, maxLength })
    const one = (least: number, most: number) => fc.record({ prompt: tokens(least, most), forced: tokens(3, 3) })
    const texts = fc.tuple(one(1, 9), one(TRAINED, TRAINED + 8), one(2, TRAINED))
    await fc.assert(
      fc.asyncProperty(texts, async (texts) => {
        const together = await shown(params, config, texts)
        for (const [b, one] of texts.entries()) {
          const [alone] = await shown(params, config, [one])
          expect(apart(together[b]!.flat(), alone!.flat())).toBeLessThan(1e-4)
        }
      }),
      RUNS,
    )
  })
})

test('with parameters in f16 the cache is f16 too, and the logits are those of one pass in f16', async () => {
  const config = tinyLlama()
  const tree = flatten(params, isTensor)
  const half = tree.rebuild(tree.leaves.map((x) => cast(x, 'f16'))) as LlamaParams // tensors for tensors
  const prompt = [3, 1, 4, 1, 5]
  const forced = [9, 2, 6]
  const [seen] = await shown(half, config, [{ prompt, forced }])
  const whole = await uncached(half, config, [...prompt, ...forced])
  for (const [i, logits] of seen!.entries()) expect(apart(logits, row(whole, prompt.length - 1 + i))).toBe(0)
})
