import {
  add,
  cast,
  div,
  exp,
  gt,
  iota,
  matmul,
  max,
  mul,
  reshape,
  softmax,
  stopGradient,
  sub,
  sum,
  transpose,
  where,
} from '../ir/ops.ts'
import { failShape, formatShape, sameShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'
import type { At, SoftmaxGroup, Variant } from './variant.ts'

export interface AttentionOptions {
  /** Factor on QK^T; 1/sqrt(E) unless said. */
  readonly scale?: number
  /** Position of the first query among the keys, a number or i32 []: the length of the KV cache before it. */
  readonly queryOffset?: number | Tensor
}

/** Stands in for forbidden scores where a number must: finite, so that no gradient meets an infinity. */
const FORBIDDEN = -1e30

/**
 * Attention of any variant, in terms of plain operations: q [B,H,Tq,E], k [B,K,Tk,E], v [B,K,Tk,D] -> [B,H,Tq,D], with
 * K heads of keys and values, each shared by H/K consecutive query heads. The softmax is in f32, the result in v's
 * dtype. A group that allows a query no key adds exactly 0 to its output; forbidden keys get a weight of exactly 0.
 *
 * Throws ShapeError where the operands do not fit.
 * Source: Attention Is All You Need (arXiv:1706.03762), section 3.2; grouped queries: arXiv:2305.13245; several
 * softmaxes over one QK^T: DeepSpeed-VisualChat (arXiv:2309.14327), section 4.1.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, variant: Variant, options: AttentionOptions = {}): Tensor {
  if (v.rank !== 4 || !sameShape(v.shape.slice(0, 3), k.shape.slice(0, 3))) {
    failShape(
      `attention: keys ${formatShape(k.shape)} and values ${formatShape(v.shape)}`,
      'k is [B,K,Tk,E], v [B,K,Tk,D]',
    )
  }
  const weights = attentionWeights(q, k, variant, options)
  return unfoldHeads(matmul(foldHeads(cast(weights, v.dtype), v), v), q)
}

/**
 * The weights that `attention` gives each key, f32 [B,H,Tq,Tk], summed over the groups: rows sum to the number of
 * groups that allow the query a key. For tests and pictures.
 *
 * Throws ShapeError where q [B,H,Tq,E] and k [B,K,Tk,E] do not fit, or H is not a multiple of K.
 */
export function attentionWeights(
  q: Tensor,
  k: Tensor,
  { groups }: Variant,
  { scale, queryOffset = 0 }: AttentionOptions = {},
): Tensor {
  const [B, H, Tq, E] = checkHeads(q, k)
  const Tk = k.shape[2]!
  // Scaled before the product, which could overflow in f16.
  const scaled = mul(q, scale ?? 1 / Math.sqrt(E))
  const scores = cast(unfoldHeads(matmul(foldHeads(scaled, k), transpose(k, [0, 1, 3, 2])), q), 'f32')
  const along = (size: number, axis: number): Tensor => {
    const shape = [1, 1, 1, 1]
    shape[axis] = size
    return iota(shape, axis)
  }
  const at: At = {
    batch: along(B, 0),
    head: along(H, 1),
    query: add(along(Tq, 2), queryOffset),
    key: along(Tk, 3),
  }
  if (groups.length === 0) failShape('attention: the variant has no softmax group', 'give at least one: variant({})')
  return groups.map((group) => groupWeights(scores, group, at)).reduce((a, b) => add(a, b))
}

/** softmax(score) over the allowed keys of each row; a row without any is 0. */
function groupWeights(raw: Tensor, { mask, score }: SoftmaxGroup, at: At): Tensor {
  const scores = score ? score(raw, at) : raw
  if (!sameShape(scores.shape, raw.shape)) {
    failShape(
      `attention: the score function turned ${formatShape(raw.shape)} into ${formatShape(scores.shape)}`,
      'scores change one by one: use elementwise operations and lookup',
    )
  }
  if (!mask) return softmax(scores, -1)
  const allowed = mask(at)
  // `where` on both sides of exp: the first keeps exp's argument, and so its derivative, finite in forbidden places;
  // the second makes their weight, and their gradient, exactly 0 even in a row where everything is forbidden.
  const finite = where(allowed, scores, FORBIDDEN)
  const greatest = stopGradient(max(finite, -1, { keepDims: true }))
  const e = where(allowed, exp(sub(finite, greatest)), 0)
  const total = sum(e, -1, { keepDims: true })
  return div(e, where(gt(total, 0), total, 1))
}

/**
 * [B,H,T,N] as [B,K,H/K*T,N]: the query heads that share a head of `shared` become rows of one matrix, so that no key is
 * repeated in memory.
 */
function foldHeads(x: Tensor, shared: Tensor): Tensor {
  const [B, H, T, N] = x.shape as readonly [number, number, number, number]
  const K = shared.shape[1]!
  return reshape(x, [B, K, (H / K) * T, N])
}

/** The inverse of `foldHeads`, back to the heads and rows of q. */
const unfoldHeads = (x: Tensor, q: Tensor): Tensor => reshape(x, [...q.shape.slice(0, 3), x.shape[3]!])

function checkHeads(q: Tensor, k: Tensor): readonly [B: number, H: number, Tq: number, E: number] {
  const [B, H, Tq, E] = q.shape
  const fits = q.rank === 4 && k.rank === 4 && k.shape[0] === B && k.shape[3] === E && H! % k.shape[1]! === 0
  if (!fits) {
    failShape(
      `attention: queries ${formatShape(q.shape)} and keys ${formatShape(k.shape)}`,
      'q is [B,H,Tq,E] and k [B,K,Tk,E], with H a multiple of K',
    )
  }
  return [B!, H!, Tq!, E!]
}

/** [B,T,H*E] as heads [B,H,T,E]. */
export function splitHeads(x: Tensor, H: number): Tensor {
  const [B, T, D] = x.shape as readonly [number, number, number]
  return transpose(reshape(x, [B, T, H, D / H]), [0, 2, 1, 3])
}

/** Heads [B,H,T,E] as [B,T,H*E]. */
export function mergeHeads(x: Tensor): Tensor {
  const [B, H, T, E] = x.shape as readonly [number, number, number, number]
  return reshape(transpose(x, [0, 2, 1, 3]), [B, T, H * E])
}
