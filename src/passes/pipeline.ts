import { type Graph, isGraph } from '../ir/graph.ts'
import { verify } from '../ir/verify.ts'
import { cse } from './cse.ts'
import { dce } from './dce.ts'
import { inlineCalls } from './inline-calls.ts'
import { simplify } from './simplify.ts'

export interface Pass {
  readonly name: string
  run(graph: Graph): Graph
}

export interface PassReport {
  readonly name: string
  /** Equations before and after, those of nested graphs included. */
  readonly before: number
  readonly after: number
  readonly milliseconds: number
  /** What the pass made. */
  readonly graph: Graph
}

export interface PipelineOptions {
  readonly passes?: readonly Pass[]
  /** Told of every pass when it is done and verified. */
  readonly onPass?: (report: PassReport) => void
}

/** The second round sees what merging made equal, and merges the constants that simplifying makes. */
export const STANDARD_PASSES: readonly Pass[] = [
  { name: 'inline-calls', run: inlineCalls },
  { name: 'dce', run: dce },
  { name: 'simplify', run: simplify },
  { name: 'cse', run: cse },
  { name: 'simplify again', run: simplify },
  { name: 'cse again', run: cse },
  { name: 'dce again', run: dce },
]

/**
 * Runs passes over a graph: every pass goes through here, which names, times, logs and verifies it.
 * @throws VerifyError naming the pass that made a broken graph (or 'tracing', for a broken graph given).
 */
export function runPasses(graph: Graph, { passes = STANDARD_PASSES, onPass }: PipelineOptions = {}): Graph {
  verify(graph, 'tracing')
  return passes.reduce((before, { name, run }) => {
    const start = performance.now()
    const after = run(before)
    const milliseconds = performance.now() - start
    if (after !== before) verify(after, name)
    onPass?.({ name, before: countEquations(before), after: countEquations(after), milliseconds, graph: after })
    return after
  }, graph)
}

/** Equations of a graph and of the graphs inside it. */
export function countEquations(graph: Graph): number {
  const inside = (e: Graph['equations'][number]): number =>
    Object.values(e.attrs).reduce<number>((n, a) => n + (isGraph(a) ? countEquations(a) : 0), 0)
  return graph.equations.reduce((n, e) => n + 1 + inside(e), 0)
}
