import {
  add,
  cast,
  div,
  exp,
  gt,
  iota,
  log as logarithm,
  matmul,
  max,
  mul,
  reshape,
  stack,
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
  /** Position of the first query among the keys, a number or one i32: the length of the KV cache before it. */
  readonly queryOffset?: number | Tensor
}

export const defaultScale = (E: number): number => 1 / Math.sqrt(E)

/** Stands in for forbidden scores where a number must: finite, so that no gradient meets an infinity. */
const FORBIDDEN = -1e30

/**
 * Attention of any variant in plain operations, which store the scores of every query with every key: what `attention`
 * means, for comparisons with it. Operands, result and errors are those of `attention`.
 */
export function attentionByDefinition(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  variant: Variant,
  options: AttentionOptions = {},
): Tensor {
  checkValues(k, v)
  return defineAttention(q, k, v, variant, options)[0]!
}

/**
 * The output [B,H,Tq,D] in v's dtype; for each of G groups the logarithm of sum(exp(logits)), f32 [B,G,H,Tq], 0 for a
 * row without keys; for each group what it adds to the output, f32 [B,G,H,Tq,D].
 */
export function defineAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  variant: Variant,
  options: AttentionOptions,
): readonly Tensor[] {
  const groups = groupWeights(q, k, variant, options)
  const parts = groups.map(({ weights }) =>
    cast(unfoldHeads(matmul(foldHeads(cast(weights, v.dtype), v), v), q), 'f32'),
  )
  const logs = groups.map((g) => g.log)
  const out = parts.reduce((a, b) => add(a, b))
  return [cast(out, v.dtype), stack(logs, 1), stack(parts, 1)]
}

/**
 * The weights that `attention` gives each key, f32 [B,H,Tq,Tk], summed over the groups: rows sum to the number of
 * groups that allow the query a key. For tests and pictures.
 *
 * Throws ShapeError where q [B,H,Tq,E] and k [B,K,Tk,E] do not fit, or H is not a multiple of K.
 */
export function attentionWeights(q: Tensor, k: Tensor, variant: Variant, options: AttentionOptions = {}): Tensor {
  return groupWeights(q, k, variant, options)
    .map((g) => g.weights)
    .reduce((a, b) => add(a, b))
}

interface GroupWeights {
  /** f32 [B,H,Tq,Tk]: rows sum to 1, or to 0 where no key is allowed. */
  readonly weights: Tensor
  /** f32 [B,H,Tq]: the logarithm of the sum that the weights were divided by. */
  readonly log: Tensor
}

function groupWeights(
  q: Tensor,
  k: Tensor,
  { groups }: Variant,
  { scale, queryOffset = 0 }: AttentionOptions,
): GroupWeights[] {
  const [B, H, Tq, E] = checkHeads(q, k)
  const Tk = k.shape[2]!
  // Scaled before the product, which could overflow in f16.
  const scaled = mul(q, scale ?? defaultScale(E))
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
  return groups.map((group) => softmaxGroup(scores, group, at))
}

/** softmax(score) over the allowed keys of each row; a row without any is 0. */
function softmaxGroup(raw: Tensor, { mask, score }: SoftmaxGroup, at: At): GroupWeights {
  const scores = score ? score(raw, at) : raw
  if (!sameShape(scores.shape, raw.shape)) {
    failShape(
      `attention: the score function turned ${formatShape(raw.shape)} into ${formatShape(scores.shape)}`,
      'scores change one by one: use elementwise operations and lookup',
    )
  }
  const allowed = mask?.(at)
  // `where` on both sides of exp: the first keeps exp's argument, and so its derivative, finite in forbidden places;
  // the second makes their weight, and their gradient, exactly 0 even in a row where everything is forbidden.
  const finite = allowed ? where(allowed, scores, FORBIDDEN) : scores
  const greatest = stopGradient(max(finite, -1, { keepDims: true }))
  const shifted = exp(sub(finite, greatest))
  const e = allowed ? where(allowed, shifted, 0) : shifted
  const total = sum(e, -1, { keepDims: true })
  const divisor = where(gt(total, 0), total, 1)
  const log = where(gt(total, 0), add(logarithm(divisor), greatest), 0)
  return { weights: div(e, divisor), log: reshape(log, raw.shape.slice(0, 3)) }
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

export function checkHeads(q: Tensor, k: Tensor): readonly [B: number, H: number, Tq: number, E: number] {
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

export function checkValues(k: Tensor, v: Tensor): void {
  if (v.rank !== 4 || !sameShape(v.shape.slice(0, 3), k.shape.slice(0, 3))) {
    failShape(
      `attention: keys ${formatShape(k.shape)} and values ${formatShape(v.shape)}`,
      'k is [B,K,Tk,E], v [B,K,Tk,D]',
    )
  }
}
