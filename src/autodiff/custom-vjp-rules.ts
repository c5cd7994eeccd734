import { graphAttr, numberAttr } from '../ir/attrs.ts'
import { isFloat } from '../ir/dtype.ts'
import { type Graph, tensorType } from '../ir/graph.ts'
import { ensureBatched } from '../ir/prims/common.ts'
import { rawOps } from '../ir/raw-ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { bind, inline, trace } from '../ir/trace.ts'
import { TraceError } from '../util/errors.ts'
import type { Batched, BatchGraph, NestedBatch, NestedVjp, Pullback } from './rules.ts'

/**
 * The equation's inputs are the arguments, then tensors that the functions close over. The backward graph gives
 * cotangents for the arguments only.
 *
 * @throws TraceError when a cotangent is wanted for a tensor closed over: the backward function cannot know it.
 */
export function customVjpVjp({ e, inputs, wanted }: NestedVjp): Pullback {
  const backward = graphAttr(e, 'backward')
  const count = numberAttr(e, 'outputs')
  const results = inline(graphAttr(e, 'forward'), inputs)
  const [outputs, residuals] = [results.slice(0, count), results.slice(count)]
  return {
    outputs,
    pull(cts) {
      if (wanted.some((is, i) => is && i >= backward.outputs.length)) {
        throw new TraceError('customVjp: the function closes over a tensor that is being differentiated', {
          at: e.source?.location(),
          hint: 'pass the tensor as an argument, so that backward can return a cotangent for it, or stopGradient it',
        })
      }
      const given = inline(backward, [...residuals, ...outputs.map((y, i) => cts[i] ?? rawOps.zerosLike(y))])
      return inputs.map((x, i) => (wanted[i] && isFloat(x.dtype) ? given[i]! : null))
    },
  }
}

/** Both graphs batched. A cotangent for an unbatched argument is the sum over the batch. */
export function customVjpBatch({ e, inputs, batched, size, batchGraph }: NestedBatch): Batched {
  const count = numberAttr(e, 'outputs')
  const forward = batchedGraph(graphAttr(e, 'forward'), batched, size, batchGraph, (r) => r)
  const backwardGraph = graphAttr(e, 'backward')
  // Residuals come first in the backward graph, cotangents of the outputs after them.
  const flags = [...forward.batched.slice(count), ...forward.batched.slice(0, count)]
  const backward = batchedGraph(backwardGraph, flags, size, batchGraph, (r) => ({
    batched: r.batched.map((_, i) => batched[i]!),
    outputs: r.outputs.map((ct, i) => matchBatch(ct, r.batched[i]!, batched[i]!, size)),
  }))
  const attrs = { forward: forward.graph, backward: backward.graph, outputs: count }
  return { outputs: bind(e.prim, inputs, attrs, e.source), batched: forward.batched.slice(0, count) }
}

function matchBatch(ct: Tensor, is: boolean, wanted: boolean, size: number): Tensor {
  if (wanted) return ensureBatched(rawOps, ct, is, size)
  return is ? (isFloat(ct.dtype) ? rawOps.sum(ct, 0) : rawOps.zerosLike(rawOps.sum(ct, 0))) : ct
}

function batchedGraph(
  graph: Graph,
  flags: readonly boolean[],
  size: number,
  batchGraph: BatchGraph,
  finish: (r: Batched) => Batched,
): { graph: Graph; batched: boolean[] } {
  let batched: boolean[] = []
  const types = graph.inputs.map(({ type: t }, i) => tensorType(t.dtype, flags[i] ? [size, ...t.shape] : t.shape))
  const traced = trace(graph.name, types, (...args) => {
    const result = finish(batchGraph(graph, args, flags, size))
    batched = result.batched
    return result.outputs
  })
  return { graph: traced.graph, batched }
}
