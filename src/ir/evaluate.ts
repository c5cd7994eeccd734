import type { HostArray } from './dtype.ts'
import type { Graph, Value } from './graph.ts'

/**
 * The reference evaluator: each equation in order, by its primitive's own `evaluate`. Slow and plain; every device
 * is tested against it.
 */
export function evaluate(graph: Graph, inputs: readonly HostArray[]): HostArray[] {
  const env = new Map<Value, HostArray>()
  graph.inputs.forEach((v, i) => env.set(v, inputs[i]!))
  const lastUse = new Map<Value, number>()
  graph.equations.forEach((e, i) => {
    for (const v of e.inputs) lastUse.set(v, i)
  })
  for (const v of graph.outputs) lastUse.set(v, graph.equations.length)
  graph.equations.forEach((e, i) => {
    const results = e.prim.evaluate(
      e.inputs.map((v) => env.get(v)!),
      e.attrs,
      e.outputs.map((v) => v.type),
    )
    e.outputs.forEach((v, k) => env.set(v, results[k]!))
    for (const v of e.inputs) if (lastUse.get(v) === i) env.delete(v)
  })
  return graph.outputs.map((v) => env.get(v)!)
}
