import { add, broadcastTo, expandDims, slice, stopGradient } from '../ir/ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'
import { attention } from '../nn/attention.ts'
import { mergeHeads, splitHeads } from '../nn/heads.ts'
import { biasedLinearSpec, type LinearParams, linear } from '../nn/linear.ts'
import { layerNorm, layerNormSpec } from '../nn/norms.ts'
import { fixed, matrix, normal, param, type WeightsOf, zeros } from '../nn/param.ts'
import { full } from '../nn/variants.ts'
import { weightRows } from '../nn/weight-rows.ts'
import { resizePositions, sincosPositions, squareSide } from './grid-positions.ts'

const INIT = normal(0.02)

/** Width of a head, but for what is left over: heads are D/128, rounded down. */
const HEAD = 128
const headsOf = (D: number): number => Math.floor(D / HEAD)

/** What is wrong with a width D for a resampler; null where nothing is. */
export function resamplerProblem(D: number): string | null {
  const H = headsOf(D)
  if (H === 0) return `${D} is less than ${HEAD}, the width of one head`
  if (D % H !== 0) return `${D} is not a multiple of its ${H} heads (${D} / ${HEAD}, rounded down)`
  return D % 4 === 0 ? null : `${D} is not a multiple of 4, which positions of two axes ask for`
}

/**
 * Parameters of a resampler of G by G queries of width E, all but `kv_proj`, named as in Qwen-VL and PyTorch.
 */
export function resamplerSpec(G: number, E: number) {
  return {
    pos_embed: param(
      [G * G, E],
      fixed(() => sincosPositions(G, E)),
    ),
    query: param([G * G, E], INIT),
    attn: {
      in_proj_weight: matrix(3 * E, E, INIT),
      in_proj_bias: param([3 * E], zeros),
      out_proj: biasedLinearSpec(E, E, INIT),
    },
    ln_q: layerNormSpec(E),
    ln_kv: layerNormSpec(E),
  }
}

export type ResamplerParams = WeightsOf<ReturnType<typeof resamplerSpec>> & {
  readonly kv_proj?: LinearParams | undefined
}

/**
 * Features [N,K,D] of a square grid as [N,Q,E]: Q learned queries attend to them once. Fixed positions are added to
 * queries and keys, interpolated to the grid of the keys, and not to values. Features are of width E where there is no
 * `kv_proj`. Positions get no gradient.
 *
 * Throws ShapeError where K is no square.
 * Source: Qwen-VL (arXiv:2308.12966), section 2.1, and its released Resampler.
 */
export function resample(p: ResamplerParams, features: Tensor, eps: number): Tensor {
  const [N, K] = features.shape as readonly [number, number, number]
  const [Q, E] = p.query.shape as readonly [number, number]
  const H = headsOf(E)
  const G = squareSide(K)
  if (G === undefined) failShape(`resampler: features ${formatShape(features.shape)}`, 'they are [N,K,D], K a square')
  const positions = stopGradient(p.pos_embed)
  const value = layerNorm(p.kv_proj ? linear(features, p.kv_proj) : features, p.ln_kv, eps)
  const key = add(value, resizePositions(positions, G))
  const query = expandDims(add(layerNorm(p.query, p.ln_q, eps), positions), 0)
  const [q, k, v] = [query, key, value].map((x, i) => splitHeads(linear(x, part(p.attn, i, E)), H))
  const everyone = broadcastTo(q!, [N, H, Q, E / H])
  return linear(mergeHeads(attention(everyone, k!, v!, full)), p.attn.out_proj)
}

/** The map of queries, keys or values in PyTorch's `in_proj`, which holds them one above the other. */
const part = ({ in_proj_weight: w, in_proj_bias: b }: ResamplerParams['attn'], i: number, E: number) => ({
  weight: weightRows(w, i * E, (i + 1) * E),
  bias: slice(b, [i * E], [(i + 1) * E]),
})
