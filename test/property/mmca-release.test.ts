import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { attentionWeights } from '../../src/nn/attention-definition.ts'
import { mmca, mmcaRelease } from '../../src/nn/mmca.ts'
import type { Variant } from '../../src/nn/variant.ts'
import { randomTensors } from '../nn/oracle.ts'
import { batches, IMAGE, modalityTensor, PADDING, seeds, TEXT } from './mmca-support.ts'

/** The released code's MMCA, beside its formula and beside the paper's. */

const LOWEST = -3.4028234663852886e38
const f32 = Math.fround

/** softmax(S + M + C) with both additions in f32, as the released code has it; the sum may be -Infinity. */
function releasedWeights(scores: readonly number[], row: readonly number[], query: number): number[] {
  const softmax = (breaks: (key: number) => boolean): number[] => {
    const biased = scores.map((s, key) => {
      const masked = f32(s + (breaks(key) ? LOWEST : 0))
      return f32(masked + (key > query ? LOWEST : 0))
    })
    const most = Math.max(...biased)
    const e = biased.map((x) => Math.exp(x - most))
    const total = e.reduce((sum, x) => sum + x, 0)
    return e.map((x) => x / total)
  }
  const text = softmax((key) => row[key] !== TEXT)
  const image = softmax((key) => row[key] !== IMAGE || (row[query] === IMAGE && key !== query))
  return text.map((w, key) => w + image[key]!)
}

async function compare(
  batch: number[][],
  seed: number,
  visit: (place: { row: number[]; t: number; scores: number[]; paper: number[]; release: number[] }) => void,
): Promise<void> {
  const [B, T] = [batch.length, batch[0]!.length]
  const [q, k] = randomTensors(seed, [B, 1, T, 4], [B, 1, T, 4])
  const modality = modalityTensor(batch)
  const weights = async (v: Variant): Promise<number[]> => Array.from(await attentionWeights(q!, k!, v).read())
  const [paper, release] = [await weights(mmca(modality)), await weights(mmcaRelease(modality))]
  const [qs, ks] = [await q!.read(), await k!.read()]
  batch.forEach((row, b) => {
    row.forEach((_, t) => {
      const scores = row.map((_, key) =>
        f32([0, 1, 2, 3].reduce((s, e) => s + qs[(b * T + t) * 4 + e]! * ks[(b * T + key) * 4 + e]!, 0) / 2),
      )
      const at = (flat: number[]): number[] => flat.slice((b * T + t) * T, (b * T + t + 1) * T)
      visit({ row, t, scores, paper: at(paper), release: at(release) })
    })
  })
}

const close = (got: readonly number[], expected: readonly number[]): void =>
  got.forEach((x, i) => expect(x).toBeCloseTo(expected[i]!, 5))

/** 1/n on the n keys that hold, 0 elsewhere. */
function average(row: readonly number[], holds: (kind: number, key: number) => boolean): number[] {
  const hits = row.map((kind, key) => Number(holds(kind, key)))
  const n = hits.reduce((s, x) => s + x, 0)
  return hits.map((x) => x / n)
}

const property = (check: (batch: number[][], seed: number) => Promise<void>) =>
  fc.assert(fc.asyncProperty(batches, seeds, check), { numRuns: 100 })

describe('the released MMCA', () => {
  test('is its formula, rows of padding included', () =>
    property((batch, seed) =>
      compare(batch, seed, ({ row, t, scores, release }) => close(release, releasedWeights(scores, row, t))),
    ))

  test('differs from the paper in the documented ways alone', () =>
    property((batch, seed) =>
      compare(batch, seed, ({ row, t, scores, paper, release }) => {
        const seen = (kind: number): boolean => row.slice(0, t + 1).includes(kind)
        if (row[t] === TEXT) {
          // No image before: an average over past text (and left padding) and images to come is added.
          const leak = average(row, (kind, key) => (kind !== IMAGE && key <= t) || (kind === IMAGE && key > t))
          if (seen(IMAGE)) expect(release).toEqual(paper)
          else
            close(
              release,
              paper.map((w, key) => w + leak[key]!),
            )
        }
        if (row[t] === IMAGE) {
          // The text before is attended to as well; without any, an average over past images and text to come.
          const leak = average(row, (kind, key) => (kind !== TEXT && key <= t) || (kind === TEXT && key > t))
          const e = scores.map((s, key) => (row[key] === TEXT && key <= t ? Math.exp(s) : 0))
          const sum = e.reduce((a, b) => a + b, 0)
          close(
            release,
            paper.map((w, key) => w + (seen(TEXT) ? e[key]! / sum : leak[key]!)),
          )
        }
        if (row[t] !== PADDING) expect(release.reduce((a, b) => a + b, 0)).toBeCloseTo(2, 5)
      }),
    ))
})
