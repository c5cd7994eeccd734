import { tensorType } from '../ir/graph.ts'
import { add, reshape } from '../ir/ops.ts'
import type { Prim } from '../ir/prim.ts'
import { ATTENTION_TILE, attention as attentionPrim } from '../ir/prims/attention.ts'
import { rawOps } from '../ir/raw-ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { shareCaptures, type Traced, trace } from '../ir/trace.ts'
import {
  type AttentionOptions,
  checkHeads,
  checkValues,
  defaultScale,
  defineAttention,
} from './attention-definition.ts'
import { possibleTiles } from './tile-bounds.ts'
import type { At, Variant } from './variant.ts'

/**
 * Attention of any variant: q [B,H,Tq,E], k [B,K,Tk,E], v [B,K,Tk,D] -> [B,H,Tq,D], with K heads of keys and values, each
 * shared by H/K consecutive query heads. The softmax is in f32, the result in v's dtype. A group that allows a query no
 * key adds exactly 0 to its output; forbidden keys get a weight of exactly 0.
 *
 * Compiled, it is one kernel that keeps no matrix of scores, forward, and two backward. Masks and scores are traced
 * once, on scalars, and stand inside those kernels; tiles of keys that the mask forbids altogether are skipped. So they
 * must be elementwise, and read captured tensors by `lookup`.
 *
 * Throws ShapeError where the operands do not fit, or a mask or score is not elementwise.
 * Source: Attention Is All You Need (arXiv:1706.03762), section 3.2; grouped queries: arXiv:2305.13245; several
 * softmaxes over one QK^T: DeepSpeed-VisualChat (arXiv:2309.14327), section 4.1; without a matrix of scores:
 * FlashAttention (arXiv:2205.14135), section 3.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, variant: Variant, options: AttentionOptions = {}): Tensor {
  checkValues(k, v)
  const [B, H, Tq, E] = checkHeads(q, k)
  const Tk = k.shape[2]!
  const score = traceScore(variant, options)
  const sizes = { batch: B, head: H, query: Tq, key: Tk }
  const tiles = possibleTiles(score.graph, score.captures, sizes, ATTENTION_TILE)
  const operands = [q, k, v, tiles]
  const types = operands.map((t) => tensorType(t.dtype, t.shape))
  const definition = trace('attention', types, (...args) =>
    defineAttention(args[0]!, args[1]!, args[2]!, variant, options),
  )
  const { graphs, captures } = shareCaptures([definition, score])
  const attrs = {
    definition: graphs[0]!,
    score: graphs[1]!,
    groups: variant.groups.length,
    scale: options.scale ?? defaultScale(E),
  }
  const prim: unknown = attentionPrim
  return rawOps.bind(prim as Prim, [...operands, ...captures], attrs)[0]!
}

/** The variant on scalars: a raw score and where it stands -> for each group its logit and whether it is allowed. */
function traceScore({ groups }: Variant, { queryOffset = 0 }: AttentionOptions): Traced {
  const index = tensorType('i32', [])
  if (groups.length === 0) failShape('attention: the variant has no softmax group', 'give at least one: variant({})')
  const offset = isTensor(queryOffset) ? reshape(queryOffset, []) : queryOffset
  return trace('score', [tensorType('f32', []), index, index, index, index], (raw, batch, head, query, key) => {
    const at: At = { batch: batch!, head: head!, query: add(query!, offset), key: key! }
    return groups.flatMap(({ mask, score }) => [
      onScalars('score', score ? score(raw!, at) : raw!),
      onScalars('mask', mask ? mask(at) : rawOps.full('bool', [], 1)),
    ])
  })
}

function onScalars(what: string, result: Tensor): Tensor {
  if (result.rank > 0) {
    failShape(
      `attention: the ${what} of one query and one key has shape ${formatShape(result.shape)}`,
      'use elementwise operations, and read captured tensors by lookup(x, at.batch, at.key)',
    )
  }
  return result
}
