import { evaluate } from '../evaluate.ts'
import type { Graph, TensorType } from '../graph.ts'
import { type AttentionPass, type AttentionPrim, definePrim } from '../prim.ts'

/**
 * Attention of any variant, and the two parts of its derivative. An equation holds its `definition` in plain operations,
 * which says what it means: the evaluator, derivatives of derivatives and batching go by it. What kernels are made from
 * instead, so that no matrix of scores is ever stored, stands beside it:
 *
 * - `score`: on scalars, the raw score with its batch, head, query and key, then all captured tensors -> for each softmax
 *   group its logit (f32) and whether the query may attend to the key (bool)
 * - `pullback`: the same inputs, then a cotangent for each logit -> the cotangent of the raw score
 * - `scale`: the factor on QK^T; `groups`: how many softmaxes are added
 *
 * B samples, H query heads, K heads of keys and values (H/K query heads share one), Tq queries, Tk keys:
 *
 *   forward:  q [B,H,Tq,E], k [B,K,Tk,E], v [B,K,Tk,D], tiles [B|1,H|1,Iq,Ik], captured
 *             -> out [B,H,Tq,D]; logs f32 [B,G,H,Tq], log(sum(exp(logits))) of each of G groups, 0 for a row without
 *                keys; parts f32 [B,G,H,Tq,D], what each group adds to out
 *   backward: q, k, v, tiles, ct [B,H,Tq,D], the cotangent of out; logs; sums f32 [B,G,H,Tq], sum(ct * part); captured
 *             -> the cotangent of q; or those of k and v
 *
 * `tiles` is false where no query of a tile of ATTENTION_TILE may attend to any key of one.
 */
export type AttentionAttrs = {
  readonly definition: Graph
  readonly score: Graph
  readonly groups: number
  readonly scale: number
}
export type AttentionVjpAttrs = AttentionAttrs & { readonly pullback: Graph }

/** Queries, and keys, of a tile that is skipped as a whole. */
export const ATTENTION_TILE = 64

/** The operand that says which tiles there are. */
export const TILES = 3
/** Operands before the captured ones. */
export const FORWARD_OPERANDS = 4
export const BACKWARD_OPERANDS = 7
export const operandsOf = (pass: AttentionPass): number => (pass === 'forward' ? FORWARD_OPERANDS : BACKWARD_OPERANDS)
/** Inputs of `score` and `pullback` before the captured ones: the raw score, and where it stands. */
export const SCORE_INPUTS = 5

const outputTypes = (graph: Graph): TensorType[] => graph.outputs.map((v) => v.type)

function define<A extends AttentionAttrs>(name: string, pass: AttentionPass): AttentionPrim<A> {
  return definePrim<AttentionPrim<A>>({
    name,
    kind: 'attention',
    pass,
    infer: (_, { definition }) => outputTypes(definition),
    evaluate: (inputs, { definition }) => evaluate(definition, inputs),
  })
}

export const attention = define<AttentionAttrs>('attention', 'forward')
export const attentionQueries = define<AttentionVjpAttrs>('attention_queries', 'queries')
export const attentionKeysAndValues = define<AttentionVjpAttrs>('attention_keys_values', 'keysAndValues')
