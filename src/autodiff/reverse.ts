import type { Equation, Graph, Value } from '../ir/graph.ts'
import { rawOps } from '../ir/raw-ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { bind, withSource } from '../ir/trace.ts'
import { activeValues } from './activity.ts'
import { attentionVjp } from './attention-vjp.ts'
import { checkpointVjp } from './checkpoint-rules.ts'
import { customVjpVjp } from './custom-vjp-rules.ts'
import type { Grad, Pullback } from './rules.ts'
import { scanVjp } from './scan-vjp.ts'

/**
 * Reverse mode: applies a graph in the present trace, recording the tensors; `pull` sweeps the active equations
 * backwards, adding up the cotangents of each value.
 */
export function vjpGraph(graph: Graph, args: readonly Tensor[], wanted: readonly boolean[]): Pullback {
  const active = activeValues(graph, wanted)
  const env = new Map<Value, Tensor>()
  graph.inputs.forEach((v, i) => env.set(v, args[i]!))
  const tape: { readonly e: Equation; readonly flags: boolean[]; pull(cts: readonly Grad[]): readonly Grad[] }[] = []
  for (const e of graph.equations) {
    const inputs = e.inputs.map((v) => env.get(v)!)
    let outputs: readonly Tensor[]
    if (e.outputs.some((v) => active.has(v))) {
      const flags = e.inputs.map((v) => active.has(v))
      const step = equationVjp(e, inputs, flags)
      tape.push({ e, flags, pull: step.pull })
      outputs = step.outputs
    } else {
      outputs = bind(e.prim, inputs, e.attrs, e.source)
    }
    e.outputs.forEach((v, i) => env.set(v, outputs[i]!))
  }
  return {
    outputs: graph.outputs.map((v) => env.get(v)!),
    pull(outputCts) {
      const cts = new Map<Value, Tensor>()
      const accumulate = (v: Value, ct: Grad | undefined): void => {
        if (!ct || !active.has(v)) return
        const sum = cts.get(v)
        cts.set(v, sum ? rawOps.add(sum, ct) : ct)
      }
      graph.outputs.forEach((v, i) => accumulate(v, outputCts[i]))
      for (const { e, pull } of tape.toReversed()) {
        const given = e.outputs.map((v) => cts.get(v) ?? null)
        if (given.every((ct) => ct === null)) continue
        withSource(e.source, () => pull(given).forEach((ct, i) => accumulate(e.inputs[i]!, ct)))
        for (const v of e.outputs) cts.delete(v)
      }
      return graph.inputs.map((v) => cts.get(v) ?? null)
    },
  }
}

interface Step {
  readonly outputs: readonly Tensor[]
  pull(cts: readonly Grad[]): readonly Grad[]
}

function equationVjp(e: Equation, inputs: readonly Tensor[], wanted: readonly boolean[]): Step {
  switch (e.prim.kind) {
    case 'loop':
      return scanVjp({ e, inputs, wanted, vjpGraph })
    case 'checkpoint':
      return checkpointVjp({ e, inputs, wanted, vjpGraph })
    case 'customVjp':
      return customVjpVjp({ e, inputs, wanted, vjpGraph })
    case 'attention':
      return attentionVjp({ e, inputs, wanted, vjpGraph })
    default: {
      const { prim, attrs } = e
      const outputs = bind(prim, inputs, attrs, e.source)
      return { outputs, pull: (cts) => prim.vjp!({ o: rawOps, inputs, outputs, attrs, cts, wanted }) }
    }
  }
}
