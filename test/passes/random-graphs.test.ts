import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Graph, makeGraph } from '../../src/ir/graph.ts'
import { verify } from '../../src/ir/verify.ts'
import { cse } from '../../src/passes/cse.ts'
import { dce } from '../../src/passes/dce.ts'
import { inlineCalls } from '../../src/passes/inline-calls.ts'
import { countEquations, runPasses } from '../../src/passes/pipeline.ts'
import { simplify } from '../../src/passes/simplify.ts'
import { arbProgram, build, kindsIn, valuesFor } from '../ir/programs.ts'
import { expectSameResults } from './helpers.ts'

/** Holds for the graphs of random programs. */
function forAllGraphs(numRuns: number, check: (graph: Graph) => void): void {
  const property = fc.property(arbProgram, (program) => {
    const graph = build(program)
    // Their made-up custom derivatives do not fit their functions, which verify would refuse.
    fc.pre(!kindsIn(graph).includes('customVjp'))
    check(graph)
  })
  fc.assert(property, { numRuns })
}

const passes: readonly (readonly [string, (g: Graph) => Graph, number])[] = [
  ['inline-calls', inlineCalls, 0],
  ['dce', dce, 0],
  ['cse', cse, 0],
  ['simplify', simplify, 1e-5],
  ['the whole pipeline', (g) => runPasses(g), 1e-5],
]

describe.each(passes)('%s on random graphs', (name, run, tolerance) => {
  it('gives a well-formed graph with the same results', () => {
    forAllGraphs(300, (graph) => {
      const after = run(graph)
      verify(after, name)
      expectSameResults(graph, after, valuesFor(graph), tolerance)
      expect(after.inputs).toEqual(graph.inputs)
      if (run === cse || run === dce) expect(countEquations(after)).toBeLessThanOrEqual(countEquations(graph))
    })
  })

  it('keeps the source of every equation that stays', () => {
    forAllGraphs(50, (graph) => {
      for (const e of run(graph).equations) expect(e.source).toBeDefined()
    })
  })
})

describe.each(passes.filter(([, , tolerance]) => tolerance === 0))('%s', (_, run) => {
  it('changes nothing when run again', () => {
    forAllGraphs(100, (graph) => {
      const once = run(graph)
      expect(run(once)).toBe(once)
    })
  })
})

describe('a graph that reads everything twice', () => {
  it('loses the copies', () => {
    forAllGraphs(100, (graph) => {
      const merged = cse(graph)
      const copies = graph.equations.map((e) => ({ ...e, outputs: e.outputs.map((v) => ({ ...v })) }))
      const env = new Map(graph.equations.flatMap((e, i) => e.outputs.map((v, k) => [v, copies[i]!.outputs[k]!])))
      const twin = copies.map((e) => ({ ...e, inputs: e.inputs.map((v) => env.get(v) ?? v) }))
      const outputs = [...graph.outputs, ...graph.outputs.map((v) => env.get(v) ?? v)]
      const doubled = makeGraph('doubled', graph.inputs, [...graph.equations, ...twin], outputs)
      const barriers = graph.equations.filter((e) => e.prim.name === 'barrier').length
      fc.pre(barriers === 0)
      expect(cse(doubled).equations.length).toBe(merged.equations.length)
    })
  })
})
