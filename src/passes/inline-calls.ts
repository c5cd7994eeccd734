import { graphAttr } from '../ir/attrs.ts'
import type { Graph } from '../ir/graph.ts'
import { mapGraphs, rewrite } from './rewriter.ts'

/**
 * Replaces functions with a derivative of their own by their forward pass, and checkpoints by their body: after
 * differentiation they have done their work. What remains to hold graphs is loops.
 */
export function inlineCalls(graph: Graph): Graph {
  return rewrite(graph, (e, to) => {
    switch (e.prim.kind) {
      case 'customVjp':
        return to.graph(graphAttr(e, 'forward'), e.inputs, true).slice(0, e.outputs.length)
      case 'checkpoint':
        return to.graph(graphAttr(e, 'body'), e.inputs, true)
      case 'loop': {
        const inner = mapGraphs(e, inlineCalls)
        return inner === e ? null : to.keep(inner)
      }
      default:
        return null
    }
  })
}
