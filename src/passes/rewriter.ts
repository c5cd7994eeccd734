import {
  type Attrs,
  type AttrValue,
  countUses,
  type Equation,
  type Graph,
  isGraph,
  makeGraph,
  type Value,
} from '../ir/graph.ts'
import type { Prim } from '../ir/prim.ts'

/**
 * What a pass does with one equation, whose operands are already those of the new graph: values to use in place of
 * its results, or null to keep it.
 */
export type Visit = (e: Equation, to: Rewriter) => readonly Value[] | null

/** Builds a graph equation by equation. Equations that nothing changes are kept as the same objects. */
export class Rewriter {
  readonly equations: Equation[] = []
  private readonly producers = new Map<Value, Equation>()
  private current: Equation | undefined

  constructor(
    private readonly visit: Visit,
    private readonly uses: ReadonlyMap<Value, number> = new Map(),
  ) {}

  /** How often a value is read in the graph being rewritten; 1 for those that are new. */
  usesOf(v: Value): number {
    return this.uses.get(v) ?? 1
  }

  /** The equation that defines a value of the new graph; undefined for an input. */
  producer(v: Value): Equation | undefined {
    return this.producers.get(v)
  }

  /** Visits an equation: the values that stand for its results. */
  add(e: Equation): readonly Value[] {
    const outer = this.current
    this.current = e
    const results = this.visit(e, this) ?? this.keep(e)
    this.current = outer
    return results
  }

  /** Appends an equation as it is. */
  keep(e: Equation): readonly Value[] {
    this.equations.push(e)
    for (const v of e.outputs) this.producers.set(v, e)
    return e.outputs
  }

  /** Applies a primitive, with the source of the equation being visited; the new equation is visited as well. */
  emit(prim: Prim, inputs: readonly Value[], attrs: Attrs = {}): readonly Value[] {
    const types = prim.infer(
      inputs.map((v) => v.type),
      attrs,
    )
    return this.add({
      prim,
      inputs,
      attrs,
      outputs: types.map((type): Value => ({ type })),
      source: this.current?.source,
    })
  }

  /**
   * Visits the equations of a graph with `args` for its inputs: the values of its outputs.
   * @param fresh gives results new values, as needed where one graph is applied twice
   */
  graph(graph: Graph, args: readonly Value[], fresh: boolean): Value[] {
    const env = new Map<Value, Value>()
    const at = (v: Value): Value => env.get(v) ?? v
    graph.inputs.forEach((v, i) => env.set(v, args[i]!))
    for (const e of graph.equations) {
      const moved = e.inputs.some((v) => at(v) !== v)
      const inputs = moved ? e.inputs.map(at) : e.inputs
      const outputs = fresh ? e.outputs.map((v) => ({ ...v })) : e.outputs
      const results = this.add(moved || fresh ? { ...e, inputs, outputs } : e)
      e.outputs.forEach((v, i) => {
        if (results[i] !== v) env.set(v, results[i]!)
      })
    }
    return graph.outputs.map(at)
  }
}

/** Rewrites a graph by a visit of each equation, in order; the same object if nothing changes. */
export function rewrite(graph: Graph, visit: Visit): Graph {
  const to = new Rewriter(visit, countUses(graph))
  const outputs = to.graph(graph, graph.inputs, false)
  const same = sameItems(to.equations, graph.equations) && sameItems(outputs, graph.outputs)
  return same ? graph : makeGraph(graph.name, graph.inputs, to.equations, outputs)
}

const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i])

/** Results of passes over nested graphs, by pass and graph. */
const results = new WeakMap<(g: Graph) => Graph, WeakMap<Graph, Graph>>()

/**
 * The equation with pass `f` applied to the graphs in its attrs; the same object if nothing changes. Graphs are
 * frozen, and f is called once for each: equations that hold one graph object still hold one afterwards, by which cse
 * knows them to be the same.
 */
export function mapGraphs(e: Equation, f: (g: Graph) => Graph): Equation {
  const known = results.get(f) ?? new WeakMap<Graph, Graph>()
  results.set(f, known)
  let changed = false
  const attrs = Object.entries(e.attrs).map(([key, a]): [string, AttrValue] => {
    if (!isGraph(a) || isDefinition(e, key)) return [key, a]
    const mapped = known.get(a) ?? f(a)
    known.set(a, mapped)
    changed ||= mapped !== a
    return [key, mapped]
  })
  return changed ? { ...e, attrs: Object.fromEntries(attrs) } : e
}

/** What attention means stands in its equation to be read, by the evaluator alone: no kernel is made of it. */
const isDefinition = (e: Equation, attr: string): boolean => e.prim.kind === 'attention' && attr === 'definition'

/** The graph reading other values in place of some of its own. */
export function substitute(graph: Graph, by: ReadonlyMap<Value, Value>): Graph {
  if (by.size === 0) return graph
  const at = (v: Value): Value => by.get(v) ?? v
  const equations = graph.equations.map((e) => ({ ...e, inputs: e.inputs.map(at) }))
  return makeGraph(graph.name, graph.inputs, equations, graph.outputs.map(at))
}
