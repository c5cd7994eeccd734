import { graphAttr } from '../ir/attrs.ts'
import { tensorType } from '../ir/graph.ts'
import { rawOps } from '../ir/raw-ops.ts'
import { bind, trace } from '../ir/trace.ts'
import { primalGraph } from './primal.ts'
import type { Batched, NestedBatch, NestedJvp, NestedVjp, Pullback, Pushed } from './rules.ts'

/**
 * Rematerialisation. The forward pass keeps the inputs only; the backward pass computes the body again from the
 * inputs behind barriers, which no pass may merge with the originals.
 */
export function checkpointVjp({ e, inputs, wanted, vjpGraph }: NestedVjp): Pullback {
  const body = graphAttr(e, 'body')
  return {
    outputs: bind(e.prim, inputs, { body: primalGraph(body, wanted, vjpGraph) }, e.source),
    pull: (cts) => vjpGraph(body, inputs.map(rawOps.barrier), wanted).pull(cts),
  }
}

/** The checkpoint of the body's jvp, so that a later reverse pass still recomputes. */
export function checkpointJvp({ e, inputs, tangents, jvpGraph }: NestedJvp): Pushed {
  const body = graphAttr(e, 'body')
  const moving = tangents.flatMap((t, i) => (t ? [i] : []))
  let live: number[] = []
  const types = [...inputs, ...moving.map((i) => inputs[i]!)].map((t) => tensorType(t.dtype, t.shape))
  const { graph, captures } = trace(`${body.name}.jvp`, types, (...args) => {
    const given = inputs.map((_, i) => (moving.includes(i) ? args[inputs.length + moving.indexOf(i)]! : null))
    const result = jvpGraph(body, args.slice(0, inputs.length), given)
    live = result.tangents.flatMap((t, i) => (t ? [i] : []))
    return [...result.outputs, ...result.tangents.filter((t) => t !== null)]
  })
  const results = bind(e.prim, [...inputs, ...moving.map((i) => tangents[i]!), ...captures], { body: graph }, e.source)
  const n = body.outputs.length
  return {
    outputs: results.slice(0, n),
    tangents: body.outputs.map((_, i) => (live.includes(i) ? results[n + live.indexOf(i)]! : null)),
  }
}

export function checkpointBatch({ e, inputs, batched, size, batchGraph }: NestedBatch): Batched {
  const body = graphAttr(e, 'body')
  let flags: boolean[] = []
  const types = inputs.map((t) => tensorType(t.dtype, t.shape))
  const { graph, captures } = trace(body.name, types, (...args) => {
    const result = batchGraph(body, args, batched, size)
    flags = result.batched
    return result.outputs
  })
  return { outputs: bind(e.prim, [...inputs, ...captures], { body: graph }, e.source), batched: flags }
}
