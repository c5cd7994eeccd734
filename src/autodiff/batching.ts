import type { Equation, Graph, Value } from '../ir/graph.ts'
import { rawOps } from '../ir/raw-ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { bind, withSource } from '../ir/trace.ts'
import { UnsupportedError } from '../util/errors.ts'
import { attentionBatch } from './attention-batch.ts'
import { checkpointBatch } from './checkpoint-rules.ts'
import { customVjpBatch } from './custom-vjp-rules.ts'
import type { Batched } from './rules.ts'
import { scanBatch } from './scan-batch.ts'

/**
 * Applies a graph to a batch in the present trace: batched tensors carry the batch in axis 0. Equations without a
 * batched input stay as they are, so that what all elements share is computed once.
 */
export function batchGraph(graph: Graph, args: readonly Tensor[], batched: readonly boolean[], size: number): Batched {
  const env = new Map<Value, { readonly t: Tensor; readonly batched: boolean }>()
  graph.inputs.forEach((v, i) => env.set(v, { t: args[i]!, batched: batched[i]! }))
  for (const e of graph.equations) {
    const given = e.inputs.map((v) => env.get(v)!)
    const inputs = given.map((x) => x.t)
    const flags = given.map((x) => x.batched)
    const result = flags.includes(true)
      ? equationBatch(e, inputs, flags, size)
      : { outputs: bind(e.prim, inputs, e.attrs, e.source), batched: e.outputs.map(() => false) }
    e.outputs.forEach((v, i) => env.set(v, { t: result.outputs[i]!, batched: result.batched[i]! }))
  }
  const results = graph.outputs.map((v) => env.get(v)!)
  return { outputs: results.map((x) => x.t), batched: results.map((x) => x.batched) }
}

function equationBatch(
  e: Equation,
  inputs: readonly Tensor[],
  batched: readonly boolean[],
  size: number,
): { readonly outputs: readonly Tensor[]; readonly batched: readonly boolean[] } {
  const nested = { e, inputs, batched, size, batchGraph }
  switch (e.prim.kind) {
    case 'loop':
      return scanBatch(nested)
    case 'checkpoint':
      return checkpointBatch(nested)
    case 'customVjp':
      return customVjpBatch(nested)
    case 'attention':
      return attentionBatch(nested)
    default: {
      if (!e.prim.batch) {
        throw new UnsupportedError(`vmap: primitive ${e.prim.name} has no batching rule`, { at: e.source?.location() })
      }
      const outputs = withSource(e.source, () => e.prim.batch!({ o: rawOps, inputs, batched, attrs: e.attrs, size }))
      return { outputs, batched: outputs.map(() => true) }
    }
  }
}
