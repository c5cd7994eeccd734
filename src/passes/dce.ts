import { scanAttrs } from '../ir/attrs.ts'
import { type Equation, type Graph, makeGraph, type Value } from '../ir/graph.ts'
import { range } from '../ir/shape.ts'
import { mapGraphs } from './rewriter.ts'

/** Removes equations whose results nobody reads; of loops also the single carries, ys, consts and xs. */
export function dce(graph: Graph): Graph {
  const kept: Equation[] = []
  const live = new Set(graph.outputs)
  for (const e of graph.equations.toReversed()) {
    if (!e.outputs.some((v) => live.has(v))) continue
    const lean = e.prim.kind === 'loop' ? leanLoop(e, live) : mapGraphs(e, dce)
    for (const v of lean.inputs) live.add(v)
    kept.push(lean)
  }
  const same = kept.length === graph.equations.length && kept.every((e, i) => e === graph.equations.at(-1 - i))
  return same ? graph : makeGraph(graph.name, graph.inputs, kept.toReversed(), graph.outputs)
}

/**
 * A carry is needed if its last value is read, or if the next step of something needed reads it; so the set grows to
 * a fixpoint. What the body then does not read is dropped from its inputs.
 */
function leanLoop(e: Equation, live: ReadonlySet<Value>): Equation {
  const attrs = scanAttrs(e)
  const { body, consts, carries } = attrs
  const wanted = e.outputs.map((v) => live.has(v))
  let used = readBy(body, wanted)
  for (;;) {
    const woken = range(carries).filter((i) => !wanted[i] && used.has(body.inputs[consts + i]!))
    if (woken.length === 0) break
    for (const i of woken) wanted[i] = true
    used = readBy(body, wanted)
  }
  const isKept = (i: number): boolean =>
    i >= consts && i < consts + carries ? wanted[i - consts]! : used.has(body.inputs[i]!)
  const keptInputs = range(e.inputs.length).filter(isKept)
  const inner = dce(bodyFor(body, wanted, keptInputs))
  if (inner === body) return e
  const keptOutputs = range(e.outputs.length).filter((i) => wanted[i])
  return {
    ...e,
    inputs: keptInputs.map((i) => e.inputs[i]!),
    outputs: keptOutputs.map((i) => e.outputs[i]!),
    attrs: {
      ...attrs,
      body: inner,
      consts: keptInputs.filter((i) => i < consts).length,
      carries: keptOutputs.filter((i) => i < carries).length,
    },
  }
}

/** The values that the wanted outputs of a graph depend on. */
function readBy(body: Graph, wanted: readonly boolean[]): Set<Value> {
  const used = new Set(body.outputs.filter((_, i) => wanted[i]))
  for (const e of body.equations.toReversed()) {
    if (e.outputs.some((v) => used.has(v))) for (const v of e.inputs) used.add(v)
  }
  return used
}

function bodyFor(body: Graph, wanted: readonly boolean[], keptInputs: readonly number[]): Graph {
  if (!wanted.includes(false) && keptInputs.length === body.inputs.length) return body
  return makeGraph(
    body.name,
    keptInputs.map((i) => body.inputs[i]!),
    body.equations,
    body.outputs.filter((_, i) => wanted[i]),
  )
}
