import { and, cast, div, eq, le, lt, mul, ne, sub, tanh, tensor } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { lookup, type Mask, orMasks, rescore, restrict, type Score, type Variant, variant } from './variant.ts'

/** The masks, scores and variants that come with weft. MMCA has a file of its own. */

/** Keys up to the query itself. */
export const causalMask: Mask = ({ query, key }) => le(key, query)

/** Keys that are not padding. `keep` [B,Tk] is bool, or i32 with 0 for padding (an attention mask, a modality). */
export const paddingMask =
  (keep: Tensor): Mask =>
  ({ batch, key }) => {
    const here = lookup(keep, batch, key)
    return keep.dtype === 'bool' ? here : ne(here, 0)
  }

/** The `width` latest keys, the query's own among them. Source: Longformer (arXiv:2004.05150), section 3.1. */
export const slidingWindowMask =
  (width: number): Mask =>
  ({ query, key }) =>
    and(le(key, query), lt(sub(query, key), width))

/** The first lengths[b] keys, of i32 `lengths` [B]. */
export const prefixMask =
  (lengths: Tensor): Mask =>
  ({ batch, key }) =>
    lt(key, lookup(lengths, batch))

/** Keys of the query's own segment, of i32 `segments` [B,T]: several documents packed into one row. */
export const sameSegmentMask =
  (segments: Tensor): Mask =>
  ({ batch, query, key }) =>
    eq(lookup(segments, batch, query), lookup(segments, batch, key))

/** Falls off with distance by a slope per head, f32 `slopes` [H]. Source: ALiBi (arXiv:2108.12409), section 3. */
export const alibiScore =
  (slopes: Tensor): Score =>
  (score, { head, query, key }) =>
    sub(score, mul(lookup(slopes, head), cast(sub(query, key), slopes.dtype)))

/** cap * tanh(score / cap): scores stay within (-cap, cap). Source: Gemma 2 (arXiv:2408.00118), section 2. */
export const softCapScore =
  (cap: number): Score =>
  (score) =>
    mul(tanh(div(score, cap)), cap)

/** Every query attends to every key. */
export const full: Variant = variant({})

/** A query attends to the keys up to itself. */
export const causal: Variant = variant({ mask: causalMask })

/** A query attends to every key that is not padding; see `paddingMask`. */
export const padding = (keep: Tensor): Variant => variant({ mask: paddingMask(keep) })

/** A query attends to itself and the width - 1 keys before it. */
export const slidingWindow = (width: number): Variant => variant({ mask: slidingWindowMask(width) })

/** Causal, but the first lengths[b] keys are open to all queries. Source: T5 (arXiv:1910.10683), section 3.2.1. */
export const prefix = (lengths: Tensor): Variant => variant({ mask: orMasks(causalMask, prefixMask(lengths)) })

/** Attention within the segments of `segments` [B,T]. */
export const blockDiagonal = (segments: Tensor): Variant => variant({ mask: sameSegmentMask(segments) })

/** Causal attention with ALiBi's linear biases for H heads. */
export const alibi = (H: number): Variant => rescore(causal, alibiScore(tensor(alibiSlopes(H))))

/** A variant with its scores capped; see `softCapScore`. */
export const softCap = (cap: number, base: Variant = causal): Variant => rescore(base, softCapScore(cap))

/** Causal attention over the keys that are not padding. */
export const causalPadded = (keep: Tensor): Variant => restrict(causal, paddingMask(keep))

/**
 * ALiBi's slopes for H heads: 2^(-8/H), 2^(-16/H), ... for a power of two; otherwise those of the power below, then
 * every second one of the power above.
 */
export function alibiSlopes(H: number): number[] {
  const power = 2 ** Math.floor(Math.log2(H))
  const geometric = (n: number): number[] => Array.from({ length: n }, (_, h) => 2 ** ((-8 * (h + 1)) / n))
  const further = geometric(2 * power).filter((_, i) => i % 2 === 0)
  return [...geometric(power), ...further.slice(0, H - power)]
}
