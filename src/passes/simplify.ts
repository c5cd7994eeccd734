import type { Graph } from '../ir/graph.ts'
import { mapGraphs, rewrite } from './rewriter.ts'
import { arithmetic } from './simplify/arithmetic.ts'
import { fold } from './simplify/fold.ts'
import { identityView, layout } from './simplify/layout.ts'
import { leanInputs, sharedResults } from './simplify/loop.ts'
import { firstOf, type Rule } from './simplify/rule.ts'

const byPrim = new Map([...arithmetic, ...layout])
const simplifyOne: Rule = firstOf(fold, identityView, (e, to) => byPrim.get(e.prim)?.(e, to) ?? null)

/**
 * Algebraic simplification and constant folding, in one walk: operands are simple before the equation that reads
 * them, and what a rule emits goes through the rules again.
 */
export function simplify(graph: Graph): Graph {
  return rewrite(graph, (given, to) => {
    const e = mapGraphs(given.prim.kind === 'loop' ? leanInputs(given, to) : given, simplify)
    const simpler = e.outputs.length === 1 ? simplifyOne(e, to) : null
    if (simpler) return [simpler]
    const results = to.keep(e)
    return e.prim.kind === 'loop' ? sharedResults(e) : results
  })
}
