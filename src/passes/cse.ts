import { type AttrValue, type Equation, type Graph, isGraph, type Value } from '../ir/graph.ts'
import { barrier } from '../ir/prims/unary.ts'
import { mapGraphs, rewrite } from './rewriter.ts'

/**
 * Common subexpressions: of equations with the same primitive, operands and attrs the first is kept. Barriers are
 * never merged, since they stand for computing again. Graphs and arrays in attrs are the same only if they are one
 * object.
 */
export function cse(graph: Graph): Graph {
  const ids = new Map<object, number>()
  const idOf = (x: object): number => {
    const known = ids.get(x) ?? ids.size
    ids.set(x, known)
    return known
  }
  const seen = new Map<string, readonly Value[]>()
  return rewrite(graph, (given, to) => {
    const e = mapGraphs(given, cse)
    if (e.prim === barrier) return null
    const key = keyOf(e, idOf)
    const first = seen.get(key)
    if (first) return first
    const results = to.keep(e)
    seen.set(key, results)
    return results
  })
}

function keyOf(e: Equation, idOf: (x: object) => number): string {
  const attrs = Object.keys(e.attrs)
    .sort()
    .map((key) => `${key}=${attrKey(e.attrs[key]!, idOf)}`)
  return `${e.prim.name}(${e.inputs.map(idOf).join()})${attrs.join(';')}`
}

/** Unlike JSON, tells -0, infinities and NaN apart. */
const numberKey = (n: number): string => (Object.is(n, -0) ? '-0' : String(n))
const isNumbers = (a: AttrValue): a is readonly number[] => Array.isArray(a)

function attrKey(a: AttrValue, idOf: (x: object) => number): string {
  if (typeof a === 'number') return numberKey(a)
  if (isNumbers(a)) return `[${a.map(numberKey).join()}]`
  return isGraph(a) || typeof a === 'object' ? `#${idOf(a)}` : `${typeof a}:${a}`
}
