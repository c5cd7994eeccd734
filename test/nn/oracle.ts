import { key, normal } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'

/** Standard normal tensors, one per shape, from one seed. */
export const randomTensors = (seed: number, ...shapes: readonly (readonly number[])[]): Tensor[] =>
  shapes.map((shape, i) => normal(key(seed * 1000 + i), shape))

export interface Place {
  readonly b: number
  readonly h: number
  readonly query: number
  readonly key: number
}

/** A softmax group on plain numbers. */
export interface NaiveGroup {
  readonly mask?: (at: Place) => boolean
  readonly score?: (s: number, at: Place) => number
}

/**
 * Attention written the slow way, in double precision, one query at a time: q [B,H,Tq,E], k [B,K,Tk,E], v [B,K,Tk,D].
 * Returns the output [B,H,Tq,D] and the weights [B,H,Tq,Tk].
 */
export async function naiveAttention(
  [q, k, v]: readonly Tensor[],
  groups: readonly NaiveGroup[],
  { offset = 0, scale }: { offset?: number; scale?: number } = {},
): Promise<{ out: number[]; weights: number[] }> {
  const [B, H, Tq, E] = q!.shape as readonly [number, number, number, number]
  const [, K, Tk, D] = v!.shape as readonly [number, number, number, number]
  const [qs, ks, vs] = [await q!.read(), await k!.read(), await v!.read()]
  const out: number[] = []
  const weights: number[] = []
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const kv = b * K + Math.floor(h / (H / K))
      for (let t = 0; t < Tq; t++) {
        const row = new Array<number>(Tk).fill(0)
        for (const { mask = () => true, score = (s: number) => s } of groups) {
          const places = row.map((_, j): Place => ({ b, h, query: t + offset, key: j }))
          const e = places.map((at) => {
            if (!mask(at)) return 0
            let s = 0
            for (let i = 0; i < E; i++) s += qs[((b * H + h) * Tq + t) * E + i]! * ks[(kv * Tk + at.key) * E + i]!
            return Math.exp(score(s * (scale ?? 1 / Math.sqrt(E)), at))
          })
          const total = e.reduce((sum, x) => sum + x, 0)
          if (total > 0) for (let j = 0; j < Tk; j++) row[j]! += e[j]! / total
        }
        weights.push(...row)
        for (let d = 0; d < D; d++) out.push(row.reduce((sum, w, j) => sum + w * vs[(kv * Tk + j) * D + d]!, 0))
      }
    }
  }
  return { out, weights }
}

/** Largest absolute difference. */
export const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length !== b.length
    ? Number.POSITIVE_INFINITY
    : Array.from(a).reduce((most, x, i) => {
        const d = Math.abs(x - b[i]!)
        return Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(most, d)
      }, 0)
