import { graphAttr } from '../ir/attrs.ts'
import type { Equation, Graph, Value } from '../ir/graph.ts'
import { rawOps } from '../ir/raw-ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { bind, inline, withSource } from '../ir/trace.ts'
import { UnsupportedError } from '../util/errors.ts'
import { activeValues } from './activity.ts'
import { checkpointJvp } from './checkpoint-rules.ts'
import type { Grad, Pushed } from './rules.ts'
import { scanJvp } from './scan-jvp.ts'

/** Forward mode: applies a graph in the present trace and carries the tangents along. */
export function jvpGraph(graph: Graph, args: readonly Tensor[], tangents: readonly Grad[]): Pushed {
  if (tangents.every((t) => t === null)) {
    return { outputs: inline(graph, args), tangents: graph.outputs.map(() => null) }
  }
  const active = activeValues(
    graph,
    tangents.map((t) => t !== null),
  )
  const env = new Map<Value, Tensor>()
  const moving = new Map<Value, Tensor>()
  graph.inputs.forEach((v, i) => {
    env.set(v, args[i]!)
    if (tangents[i]) moving.set(v, tangents[i])
  })
  for (const e of graph.equations) {
    const inputs = e.inputs.map((v) => env.get(v)!)
    const given = e.inputs.map((v) => moving.get(v) ?? null)
    const live = given.some((t) => t !== null) && e.outputs.some((v) => active.has(v))
    const step = live
      ? equationJvp(e, inputs, given)
      : { outputs: bind(e.prim, inputs, e.attrs, e.source), tangents: [] }
    e.outputs.forEach((v, i) => {
      env.set(v, step.outputs[i]!)
      const t = step.tangents[i]
      if (t && active.has(v)) moving.set(v, t)
    })
  }
  return {
    outputs: graph.outputs.map((v) => env.get(v)!),
    tangents: graph.outputs.map((v) => moving.get(v) ?? null),
  }
}

interface Step {
  readonly outputs: readonly Tensor[]
  readonly tangents: readonly Grad[]
}

function equationJvp(e: Equation, inputs: readonly Tensor[], tangents: readonly Grad[]): Step {
  const { prim, attrs } = e
  switch (prim.kind) {
    case 'loop':
      return scanJvp({ e, inputs, tangents, jvpGraph })
    case 'checkpoint':
      return checkpointJvp({ e, inputs, tangents, jvpGraph })
    case 'attention':
      return jvpGraph(graphAttr(e, 'definition'), inputs, tangents)
    case 'customVjp':
      throw new UnsupportedError('jvp: a function made by customVjp has a backward pass only, no forward-mode rule', {
        at: e.source?.location(),
        hint: 'differentiate it with grad or vjp (jvp of grad works), or write it with plain operations',
      })
    default: {
      if (!prim.jvp) {
        throw new UnsupportedError(`jvp: primitive ${prim.name} has no forward-mode rule`, { at: e.source?.location() })
      }
      const outputs = bind(prim, inputs, attrs, e.source)
      return {
        outputs,
        tangents: withSource(e.source, () => prim.jvp!({ o: rawOps, inputs, outputs, attrs, tangents })),
      }
    }
  }
}
