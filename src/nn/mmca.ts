import { and, cast, cumsum, eq, gt, le, ne, not, or, stopGradient, sub, where } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { type At, lookup, type Mask, type SoftmaxGroup, type Variant, variant } from './variant.ts'

/**
 * Multi-Modal Causal Attention (DeepSpeed-VisualChat, arXiv:2309.14327, section 4.1): two softmaxes over one QK^T, one
 * for each modality of the keys. `modality` is i32 [B,Tk], by key position: 0 padding, 1 text, 2 image.
 */
const TEXT = 1
const IMAGE = 2

const keyIs =
  (modality: Tensor, kind: number): Mask =>
  ({ batch, key }) =>
    eq(lookup(modality, batch, key), kind)
const queryIs =
  (modality: Tensor, kind: number): Mask =>
  ({ batch, query }) =>
    eq(lookup(modality, batch, query), kind)

/**
 * MMCA as the paper describes it. An image token attends to itself alone; a text token to the text up to itself and, in
 * a softmax of its own, to the images before it. Padding neither attends nor is attended to. Causal, and so exact
 * under a KV cache.
 */
export function mmca(modality: Tensor): Variant {
  const fromText = queryIs(modality, TEXT)
  const fromImage = queryIs(modality, IMAGE)
  const toText = keyIs(modality, TEXT)
  const toImage = keyIs(modality, IMAGE)
  return variant(
    { mask: (at) => and(and(fromText(at), toText(at)), le(at.key, at.query)) },
    {
      mask: (at) => {
        const before = and(fromText(at), le(at.key, at.query))
        const itself = and(fromImage(at), eq(at.key, at.query))
        return and(toImage(at), or(before, itself))
      },
    },
  )
}

/**
 * MMCA as the released code computes it, for checkpoints trained with that. There a forbidden key has the lowest f32
 * added to its score, once for its modality and once for lying ahead, and each addition swallows the score:
 *
 * - an image row also attends to the text before it (its weights sum to 2);
 * - a row with no key of a group's modality up to itself gets, from that group, the average of all keys that break one
 *   of the two rules only: past keys of the other kind and *future* keys of the modality. Not causal.
 *
 * Rows of padding are treated as text. Under a KV cache images of later rounds are not there to be leaked, so that a
 * cached pass differs from one pass over the whole.
 * Source: the release's modeling_llama.py, enable_mmca_attention.
 */
export function mmcaRelease(modality: Tensor): Variant {
  const fromImage = queryIs(modality, IMAGE)
  const past: Mask = ({ query, key }) => le(key, query)
  const own: Mask = ({ query, key }) => eq(key, query)
  const toImage = keyIs(modality, IMAGE)
  const group = (kind: number, visible: Mask): SoftmaxGroup => {
    const some = seen(modality, kind)
    const hasKeys = (at: At): Tensor => lookup(some, at.batch, at.query)
    return {
      mask(at) {
        const allowed = and(visible(at), past(at))
        const breaksOneRule = ne(visible(at), past(at))
        return where(hasKeys(at), allowed, breaksOneRule)
      },
      // The added lowest f32 swallows the value of a score but not its derivative.
      score: (score, at) => where(hasKeys(at), score, sub(score, stopGradient(score))),
    }
  }
  return variant(
    group(TEXT, keyIs(modality, TEXT)),
    group(IMAGE, (at) => and(toImage(at), or(not(fromImage(at)), own(at)))),
  )
}

/** bool [B,T]: whether a key of the modality stands at the position or before it. */
const seen = (modality: Tensor, kind: number): Tensor => gt(cumsum(cast(eq(modality, kind), 'i32'), 1), 0)
