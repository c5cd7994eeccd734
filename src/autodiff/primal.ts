import { type Graph, isGraph } from '../ir/graph.ts'
import { trace } from '../ir/trace.ts'
import type { VjpGraph } from './rules.ts'

/**
 * The graph as a forward pass runs it. Where it holds functions with a derivative of their own, those whose derivative
 * is being taken now become their forward function, so that a further derivative is one of plain operations.
 */
export function primalGraph(graph: Graph, active: readonly boolean[], vjpGraph: VjpGraph): Graph {
  if (!holdsCustomVjp(graph)) return graph
  const types = graph.inputs.map((v) => v.type)
  return trace(graph.name, types, (...args) => vjpGraph(graph, args, active).outputs).graph
}

const holdsCustomVjp = (graph: Graph): boolean =>
  graph.equations.some(
    (e) => e.prim.kind === 'customVjp' || Object.values(e.attrs).some((a) => isGraph(a) && holdsCustomVjp(a)),
  )
