import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import { concat, index, slice, sum, take, tensor } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { emptyCache } from '../../src/models/kv-cache.ts'
import { llamaCached } from '../../src/models/llama.ts'
import { attention } from '../../src/nn/attention.ts'
import { attentionWeights } from '../../src/nn/attention-definition.ts'
import { mmca } from '../../src/nn/mmca.ts'
import { causal } from '../../src/nn/variants.ts'
import { randomTensors } from '../nn/oracle.ts'
import {
  allowed,
  batches,
  changed,
  config,
  embeddings,
  hiddenRows,
  IMAGE,
  modalityTensor,
  nested,
  PADDING,
  params,
  rows,
  seeds,
  TEXT,
} from './mmca-support.ts'

/** Properties of the paper's MMCA, on the attention alone or on a decoder of two layers, where they must hold too. */

const RUNS = { numRuns: 100 }
const property = (...args: Parameters<typeof fc.asyncProperty<[number[][], number]>>) =>
  fc.assert(fc.asyncProperty(...args), RUNS)

/** q, k, v of 2 query heads on 1 head of keys. */
const qkv = (seed: number, B: number, T: number): [Tensor, Tensor, Tensor] =>
  randomTensors(seed, [B, 2, T, 4], [B, 1, T, 4], [B, 1, T, 4]) as [Tensor, Tensor, Tensor]

/** Weights [b][t] of all heads: [H * T] numbers, T per head. */
async function weightRows(batch: number[][], seed: number): Promise<(b: number, h: number, t: number) => number[]> {
  const T = batch[0]!.length
  const [q, k] = qkv(seed, batch.length, T)
  const flat = Array.from(await attentionWeights(q, k, mmca(modalityTensor(batch))).read())
  return (b, h, t) => flat.slice(((b * 2 + h) * T + t) * T, ((b * 2 + h) * T + t + 1) * T)
}

const total = (row: readonly number[], keep: (key: number) => boolean): number =>
  row.reduce((s, w, key) => (keep(key) ? s + w : s), 0)

describe('what a token sees', () => {
  test('a change of any later token leaves earlier rows as they were, to the bit', () =>
    property(batches, seeds, async (batch, seed) => {
      const [B, T] = [batch.length, batch[0]!.length]
      const cut = seed % T
      const embeds = embeddings(seed, B, T)
      const before = await hiddenRows(embeds, batch)
      const after = await hiddenRows(await changed(embeds, seed, (_, t) => t >= cut), batch)
      for (let b = 0; b < B; b++) expect(after[b]!.slice(0, cut)).toEqual(before[b]!.slice(0, cut))
    }))

  test('an image token depends on itself alone', () =>
    property(batches, seeds, async (batch, seed) => {
      const embeds = embeddings(seed, batch.length, batch[0]!.length)
      const before = await hiddenRows(embeds, batch)
      const places = batch.flatMap((row, b) => row.flatMap((kind, t) => (kind === IMAGE ? [{ b, t }] : [])))
      const one = places[seed % Math.max(1, places.length)]
      fc.pre(one !== undefined)
      const after = await hiddenRows(await changed(embeds, seed, (b, t) => b !== one.b || t !== one.t), batch)
      expect(after[one.b]![one.t]).toEqual(before[one.b]![one.t])
    }))

  test('text keys weigh 1 in all, image keys 1 if one came before, and 0 else', () =>
    property(batches, seeds, async (batch, seed) => {
      const weights = await weightRows(batch, seed)
      batch.forEach((row, b) => {
        row.forEach((kind, t) => {
          for (const h of [0, 1]) {
            const w = weights(b, h, t)
            expect(w.map((x) => x > 0)).toEqual(row.map((_, key) => allowed(row, t, key)))
            const seenImage = row.slice(0, t + 1).includes(IMAGE)
            const image = total(w, (key) => row[key] === IMAGE)
            expect(total(w, (key) => row[key] === TEXT)).toBeCloseTo(kind === TEXT ? 1 : 0, 6)
            if (kind === PADDING || !seenImage) expect(image).toBe(0)
            else expect(image).toBeCloseTo(1, 6)
          }
        })
      })
    }))

  test('gradients vanish exactly where the mask says so', () =>
    property(batches, seeds, async (batch, seed) => {
      const [B, T] = [batch.length, batch[0]!.length]
      const [q, k, v] = qkv(seed, B, T)
      const t = seed % T
      const variant = mmca(modalityTensor(batch))
      const loss = (a: Tensor, b: Tensor, c: Tensor): Tensor =>
        sum(index(attention(a, b, c, variant), null, null, [t, t + 1]))
      const [dq, dk, dv] = grad(loss, { argnums: [0, 1, 2] })(q, k, v)
      const zero = (values: readonly number[]): boolean => values.every((x) => x === 0)
      const [gk, gv] = [nested(await dk.read(), [B, T]), nested(await dv.read(), [B, T])]
      batch.forEach((row, b) => {
        const open = row.map((_, key) => allowed(row, t, key))
        expect(gv[b]!.map((g) => !zero(g))).toEqual(open)
        gk[b]!.forEach((g, key) => expect(zero(g) || open[key]).toBe(true))
      })
      expect([...(await dq.read())].every(Number.isFinite)).toBe(true)
    }))
})

describe('padding', () => {
  const padded = fc.tuple(
    rows.filter((row) => row.some((kind) => kind !== PADDING)),
    seeds,
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom('left', 'right'),
  )

  test('on either side it changes no bit elsewhere', () =>
    fc.assert(
      fc.asyncProperty(padded, async ([mixed, seed, extra, side]) => {
        const row = mixed.filter((kind) => kind !== PADDING)
        const T = row.length
        const shift = side === 'left' ? extra : 0
        const embeds = embeddings(seed, 1, T)
        const junk = embeddings(seed + 1, 1, extra)
        const filler = new Array<number>(extra).fill(PADDING)
        const bare = await hiddenRows(embeds, [row])
        const whole = await hiddenRows(
          concat(side === 'left' ? [junk, embeds] : [embeds, junk], 1),
          [side === 'left' ? [...filler, ...row] : [...row, ...filler]],
          // Left padding moves the slots; the positions that RoPE sees stay.
          {
            positions: tensor(
              Array.from({ length: T + extra }, (_, t) => Math.max(0, t - shift)),
              { dtype: 'i32' },
            ),
          },
        )
        expect(whole[0]!.slice(shift, shift + T)).toEqual(bare[0])
      }),
      RUNS,
    ))
})

describe('equivalences', () => {
  test('text alone: causal attention, to the bit', () =>
    property(batches, seeds, async (batch, seed) => {
      const text = batch.map((row) => row.map(() => TEXT))
      const [q, k, v] = qkv(seed, batch.length, batch[0]!.length)
      const ours = await attention(q, k, v, mmca(modalityTensor(text))).read()
      expect(ours).toEqual(await attention(q, k, v, causal).read())
    }))

  test('the order of the groups does not matter', () =>
    property(batches, seeds, async (batch, seed) => {
      const [q, k, v] = qkv(seed, batch.length, batch[0]!.length)
      const { groups } = mmca(modalityTensor(batch))
      const turned = { groups: [...groups].reverse() }
      expect(await attention(q, k, v, turned).read()).toEqual(await attention(q, k, v, { groups }).read())
    }))

  test('permuting the batch permutes the output', () =>
    property(batches, seeds, async (batch, seed) => {
      const order = batch.map((_, b) => (b + 1 + (seed % (batch.length - 1))) % batch.length)
      const embeds = embeddings(seed, batch.length, batch[0]!.length)
      const plain = await hiddenRows(embeds, batch)
      const moved = take(embeds, tensor(order, { dtype: 'i32' }))
      expect(
        await hiddenRows(
          moved,
          order.map((b) => batch[b]!),
        ),
      ).toEqual(order.map((b) => plain[b]!))
    }))

  test('rounds over a KV cache equal one pass, to the bit', () =>
    property(batches, seeds, async (batch, seed) => {
      const [B, T] = [batch.length, batch[0]!.length]
      const embeds = embeddings(seed, B, T)
      const whole = await hiddenRows(embeds, batch)
      let cache = emptyCache(config, B, T + (seed % 3))
      const got: number[][][] = batch.map(() => [])
      for (let from = 0, round = 0; from < T; round++) {
        const to = Math.min(T, from + 1 + ((seed >> round) % 3))
        const next = llamaCached(params, config, slice(embeds, [0, from, 0], [B, to, 8]), cache, {
          attention: 'mmca-paper',
          modality: modalityTensor(batch.map((row) => row.slice(from, to))),
        })
        nested(await next.hidden.read(), [B, to - from]).forEach((part, b) => got[b]!.push(...part))
        cache = next.cache
        from = to
      }
      expect(got).toEqual(whole)
      expect(await cache.length.item()).toBe(T)
    }))
})
