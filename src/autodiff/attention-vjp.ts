import { attentionAttrs, passOf } from '../ir/attrs.ts'
import { type Graph, tensorType } from '../ir/graph.ts'
import type { Prim } from '../ir/prim.ts'
import {
  type AttentionAttrs,
  attentionKeysAndValues,
  attentionQueries,
  BACKWARD_OPERANDS,
  FORWARD_OPERANDS,
} from '../ir/prims/attention.ts'
import { rawOps as o } from '../ir/raw-ops.ts'
import { range } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'
import { bind, trace } from '../ir/trace.ts'
import { captureCotangents } from './attention-captures.ts'
import type { Grad, NestedVjp, Pullback, VjpGraph } from './rules.ts'

/**
 * Reverse mode of attention. Forward, the logarithms of the softmaxes' sums are kept, and what each group adds to the
 * output; backward, scores are computed again, tile by tile, in one kernel for the queries and one for keys and values.
 * Cotangents of captured tensors come from a loop over blocks of queries. Memory is linear in the number of tokens.
 *
 * The derivatives of these derivatives, and any cotangent but the output's, are those of the definition.
 * Source: FlashAttention-2 (arXiv:2307.08691), section 3.1.2: dlogit = p * (dp - sum(dout * out)).
 */
export function attentionVjp({ e, inputs, wanted, vjpGraph }: NestedVjp): Pullback {
  const attrs = attentionAttrs(e)
  if (passOf(e) !== 'forward') return vjpGraph(attrs.definition, inputs, wanted)
  const outputs = bind(e.prim, inputs, { ...attrs }, e.source)
  return {
    outputs,
    pull(cts) {
      const [ct, ...others] = cts
      if (!ct || others.some((x) => x !== null)) return vjpGraph(attrs.definition, inputs, wanted).pull(cts)
      return pullOutput(attrs, inputs, outputs, ct, wanted, vjpGraph)
    },
  }
}

/** What the backward pass reads beside the operands of the forward pass; see `AttentionAttrs`. */
export interface Saved {
  readonly ct: Tensor
  readonly logs: Tensor
  readonly sums: Tensor
}

function pullOutput(
  attrs: AttentionAttrs,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  ct: Tensor,
  wanted: readonly boolean[],
  vjpGraph: VjpGraph,
): Grad[] {
  const [out, logs, all] = outputs as readonly [Tensor, Tensor, Tensor]
  // One group's part is the output itself: then the parts need not be stored.
  const parts = attrs.groups === 1 ? o.expandDims(o.cast(out, 'f32'), 1) : all
  const sums = o.sum(o.mul(o.expandDims(o.cast(ct, 'f32'), 1), parts), -1)
  const saved: Saved = { ct, logs, sums }
  const captures = inputs.slice(FORWARD_OPERANDS)
  const operands = [...inputs.slice(0, FORWARD_OPERANDS), ct, logs, sums, ...captures]
  const pullback = scorePullback(attrs.score, attrs.groups, vjpGraph)
  const apply = (prim: unknown, of: readonly number[]): Tensor[] => {
    const definition = partOfVjp(attrs.definition, operands, of, vjpGraph)
    return bind(prim as Prim, operands, { ...attrs, definition, pullback })
  }
  const [dq] = wanted[0] ? apply(attentionQueries, [0]) : [null]
  const [dk, dv] = wanted[1] || wanted[2] ? apply(attentionKeysAndValues, [1, 2]) : [null, null]
  const captured = captureCotangents(attrs, inputs, saved, wanted, vjpGraph)
  return [dq!, dk!, dv!, null, ...captured]
}

/** Of one score: (raw, batch, head, query, key, captured..., cotangents of the logits) -> cotangent of raw. */
function scorePullback(score: Graph, groups: number, vjpGraph: VjpGraph): Graph {
  const types = [...score.inputs.map((v) => v.type), ...range(groups).map(() => tensorType('f32', []))]
  const { graph } = trace('pullback', types, (...args) => {
    const given = args.slice(0, score.inputs.length)
    const cts = args.slice(score.inputs.length).flatMap((ct) => [ct, null])
    const pulled = vjpGraph(
      score,
      given,
      given.map((_, i) => i === 0),
    ).pull(cts)
    return [pulled[0] ?? o.zerosLike(given[0]!)]
  })
  return graph
}

/** Some cotangents of the definition, as a graph with the operands of the backward kernels. */
function partOfVjp(definition: Graph, operands: readonly Tensor[], of: readonly number[], vjpGraph: VjpGraph): Graph {
  const types = operands.map((t) => tensorType(t.dtype, t.shape))
  const { graph } = trace(`${definition.name}.vjp`, types, (...args) => {
    const inputs = [...args.slice(0, FORWARD_OPERANDS), ...args.slice(BACKWARD_OPERANDS)]
    const cts = definition.outputs.map((_, i) => (i === 0 ? args[FORWARD_OPERANDS]! : null))
    const wanted = inputs.map((_, i) => of.includes(i))
    const pulled = vjpGraph(definition, inputs, wanted).pull(cts)
    return of.map((i) => pulled[i] ?? o.zerosLike(inputs[i]!))
  })
  return graph
}
