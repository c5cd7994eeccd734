import { graphAttr, scanAttrs } from '../ir/attrs.ts'
import { isFloat } from '../ir/dtype.ts'
import type { Equation, Graph, Value } from '../ir/graph.ts'
import type { ScanAttrs } from '../ir/prims/nested.ts'

/**
 * Activity: which values depend, in a differentiable way, on inputs whose derivative is wanted. Nothing is built for
 * the others. A primitive without derivative rules (comparisons, steps, stop_gradient) ends a path, and so does any
 * value that is not of a float dtype.
 */
export function activeValues(graph: Graph, wanted: readonly boolean[]): Set<Value> {
  const active = new Set<Value>()
  const mark = (v: Value, is: boolean): unknown => is && isFloat(v.type.dtype) && active.add(v)
  graph.inputs.forEach((v, i) => mark(v, wanted[i]!))
  for (const e of graph.equations) {
    const inputs = e.inputs.map((v) => active.has(v))
    if (!inputs.includes(true)) continue
    const flags = outputActivity(e, inputs)
    e.outputs.forEach((v, i) => mark(v, flags[i]!))
  }
  return active
}

export function activeOutputs(graph: Graph, wanted: readonly boolean[]): boolean[] {
  const active = activeValues(graph, wanted)
  return graph.outputs.map((v) => active.has(v))
}

function outputActivity(e: Equation, inputs: readonly boolean[]): boolean[] {
  switch (e.prim.kind) {
    case 'loop':
      return loopActivity(scanAttrs(e), inputs).outputs
    case 'checkpoint':
      return activeOutputs(graphAttr(e, 'body'), inputs)
    case 'attention':
      return activeOutputs(graphAttr(e, 'definition'), inputs)
    case 'customVjp':
      return e.outputs.map(() => true)
    default:
      return e.outputs.map(() => e.prim.vjp !== undefined)
  }
}

/**
 * Activity of a loop: a carry that becomes active in one step is active from the start, so that the flags are
 * iterated to a fixpoint.
 */
export function loopActivity(
  { body, consts, carries }: ScanAttrs,
  wanted: readonly boolean[],
): { inputs: boolean[]; outputs: boolean[] } {
  const inputs = body.inputs.map((v, i) => wanted[i]! && isFloat(v.type.dtype))
  for (;;) {
    const outputs = activeOutputs(body, inputs)
    const woken = outputs.flatMap((is, i) => (is && i < carries && !inputs[consts + i] ? [consts + i] : []))
    for (const i of woken) inputs[i] = true
    if (woken.length === 0) return { inputs, outputs: outputs.map((is, i) => (i < carries ? inputs[consts + i]! : is)) }
  }
}
