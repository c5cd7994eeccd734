import { attentionAttrs, graphAttr, passOf } from '../ir/attrs.ts'
import { type Graph, tensorType } from '../ir/graph.ts'
import { operandsOf, SCORE_INPUTS, TILES } from '../ir/prims/attention.ts'
import { ensureBatched } from '../ir/prims/common.ts'
import { rawOps as o } from '../ir/raw-ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { bind, inline, trace } from '../ir/trace.ts'
import type { Batched, BatchGraph, NestedBatch } from './rules.ts'

/**
 * Batching of attention: the N batches become samples, [N,B,...] -> [N*B,...], so that it stays one kernel. A captured
 * tensor that is batched is read at the sample's batch.
 */
export function attentionBatch({ e, inputs, batched, size, batchGraph }: NestedBatch): Batched {
  const attrs = attentionAttrs(e)
  const captured = operandsOf(passOf(e))
  const B = e.inputs[0]!.type.shape[0]!
  const fold = new Folding(size, B)
  const folded = inputs.map((x, i) => {
    if (i >= captured) return x
    if (i === TILES && !batched[i] && x.shape[0] === 1) return x
    const sized = i === TILES ? fold.sampled(x, batched[i]!) : x
    return fold.in(ensureBatched(o, sized, batched[i]!, size))
  })
  const flags = batched.slice(captured)
  const scalars = (graph: Graph): Graph => fold.scalars(graph, inputs.slice(captured), flags)
  const nested = {
    ...attrs,
    definition: fold.definition(attrs.definition, folded, captured, flags, batchGraph),
    score: scalars(attrs.score),
    ...(passOf(e) === 'forward' ? {} : { pullback: scalars(graphAttr(e, 'pullback')) }),
  }
  const outputs = bind(e.prim, folded, nested, e.source)
  return { outputs: outputs.map((y) => fold.out(y)), batched: outputs.map(() => true) }
}

class Folding {
  constructor(
    private readonly N: number,
    private readonly B: number,
  ) {}

  in(x: Tensor): Tensor {
    return o.reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)])
  }

  out(x: Tensor): Tensor {
    return o.reshape(x, [this.N, this.B, ...x.shape.slice(1)])
  }

  /** Tiles that all samples share, one for each sample. */
  sampled(tiles: Tensor, batched: boolean): Tensor {
    const axis = batched ? 1 : 0
    return o.broadcastTo(
      tiles,
      tiles.shape.map((n, a) => (a === axis ? this.B : n)),
    )
  }

  /** The definition on folded operands. */
  definition(
    graph: Graph,
    folded: readonly Tensor[],
    captured: number,
    flags: readonly boolean[],
    batchGraph: BatchGraph,
  ): Graph {
    const types = folded.map((t) => tensorType(t.dtype, t.shape))
    return trace(graph.name, types, (...args) => {
      const shared = args.map((x, i) => i < captured && x.shape[0] !== this.N * this.B)
      const given = args.map((x, i) => (i >= captured || shared[i] ? x : this.out(x)))
      const is = args.map((_, i) => (i >= captured ? flags[i - captured]! : !shared[i]))
      const result = batchGraph(graph, given, is, this.N)
      return result.outputs.map((y, i) => this.in(ensureBatched(o, y, result.batched[i]!, this.N)))
    }).graph
  }

  /** A graph of one score with captured tensors that may be batched. */
  scalars(graph: Graph, captures: readonly Tensor[], flags: readonly boolean[]): Graph {
    const types = graph.inputs.map((v, i) => {
      const x = captures[i - SCORE_INPUTS]
      return x ? tensorType(x.dtype, x.shape) : v.type
    })
    return trace(graph.name, types, (...args) => {
      const sample = args[1]!
      const batch = o.div(sample, this.B)
      const given = args.map((x, i) => {
        if (i === 1) return o.rem(sample, this.B)
        return flags[i - SCORE_INPUTS] ? o.gather(x, batch, { axis: 0, batch: 0 }) : x
      })
      return inline(graph, given)
    }).graph
  }
}
