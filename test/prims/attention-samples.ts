import { vjpGraph } from '../../src/autodiff/reverse.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import { type Graph, makeGraph, type TensorType, tensorType } from '../../src/ir/graph.ts'
import { and, gt, lt } from '../../src/ir/ops.ts'
import type { Prim } from '../../src/ir/prim.ts'
import { attention as prims } from '../../src/ir/prims/index.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { trace } from '../../src/ir/trace.ts'
import { attention } from '../../src/nn/attention.ts'
import { rescore, variant } from '../../src/nn/variant.ts'
import { alibiScore } from '../../src/nn/variants.ts'
import { plain, type Sample, type SampleRow, type Sources } from './sample.ts'

/** Two softmaxes, of which the second leaves queries of the first head without keys. */
const twoGroups = variant({}, { mask: ({ head, key }) => and(gt(head, 0), lt(key, head)) })

/** The derivative of a function of one result by all of its arguments, which then takes a cotangent as well. */
export function derivativeGraph(types: readonly TensorType[], f: (...args: Tensor[]) => Tensor): Graph {
  const forward = trace('f', types, (...args) => [f(...args)]).graph
  return trace('derivative', [...types, forward.outputs[0]!.type], (...args) => {
    const { pull } = vjpGraph(
      forward,
      args.slice(0, types.length),
      types.map(() => true),
    )
    return pull(args.slice(types.length)).flatMap((ct) => (ct ? [ct] : []))
  }).graph
}

/** The operands and attrs that an equation of attention has in the derivative of a small function. */
function equationOf(prim: unknown, { form, values, dtype }: Sources): Sample {
  const [B, K, shared, Tq, E, D] = [1, 1, 1, 1, 1, 1].map(() => form.int(1, 3)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  // With one key the derivative is 0, of which no relative error can be asked.
  const Tk = form.int(2, 4)
  const H = K * shared
  const shapes = [[B, H, Tq, E], [B, K, Tk, E], [B, K, Tk, D], [H]]
  const types = shapes.map((shape, i) => tensorType(i === 3 ? 'f32' : dtype, shape))
  const graph = derivativeGraph(types, (q, k, v, slopes) =>
    attention(q!, k!, v!, rescore(twoGroups, alibiScore(slopes!)), { scale: 0.5 }),
  )
  const at = graph.equations.findIndex((e) => e.prim === prim)
  const e = graph.equations[at]!
  const operands = makeGraph('operands', graph.inputs, graph.equations.slice(0, at), e.inputs)
  const inputs = evaluate(
    operands,
    graph.inputs.map(({ type }) => plain(type.dtype, type.shape, values)),
  )
  return { inputs, attrs: e.attrs }
}

export const attentionSamples: readonly SampleRow[] = [
  prims.attention,
  prims.attentionQueries,
  prims.attentionKeysAndValues,
].map((prim: unknown) => ({
  prim: prim as Prim,
  dtypes: ['f32'],
  tolerance: 1e-4,
  make: (sources: Sources) => equationOf(prim, sources),
}))
