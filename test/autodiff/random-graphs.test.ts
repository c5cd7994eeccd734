import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchGraph } from '../../src/autodiff/batching.ts'
import { jvpGraph } from '../../src/autodiff/forward.ts'
import { vjpGraph } from '../../src/autodiff/reverse.ts'
import { type HostArray, isFloat } from '../../src/ir/dtype.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import { type Graph, tensorType } from '../../src/ir/graph.ts'
import { print } from '../../src/ir/print.ts'
import { rawOps as o } from '../../src/ir/raw-ops.ts'
import { sizeOf } from '../../src/ir/shape.ts'
import { fromHost, hostArrayOf, hostFromNumbers, type Tensor } from '../../src/ir/tensor.ts'
import { trace } from '../../src/ir/trace.ts'
import { verify } from '../../src/ir/verify.ts'
import { arbProgram, build, kindsIn, valuesFor } from '../ir/programs.ts'
import { Random } from '../prims/samples.ts'
import { close, elements, numbersOf } from './helpers.ts'

/** Holds for the graphs of random programs, over every kind of primitive. */
function forAllGraphs(numRuns: number, check: (graph: Graph, random: Random) => void): void {
  const property = fc.property(arbProgram, fc.nat(1_000_000), (program, seed) => {
    const graph = build(program)
    // Their made-up custom derivatives do not fit their functions.
    fc.pre(!kindsIn(graph).includes('customVjp'))
    check(graph, new Random(seed))
  })
  fc.assert(property, { numRuns })
}

const shifted = (a: HostArray, by: number): HostArray =>
  hostFromNumbers(
    a.dtype,
    a.shape,
    elements(a).map((x, i) => x + (a.dtype === 'bool' ? (i + by) % 2 : by)),
  )

describe('random graphs', () => {
  it('batched are a loop over the batch, and well-formed', () => {
    forAllGraphs(300, (graph, random) => {
      const flags = graph.inputs.map(() => random.flip())
      const size = random.int(1, 3)
      const [first] = [valuesFor(graph)]
      const copies = Array.from({ length: size }, (_, n) => first.map((a, k) => (flags[k] ? shifted(a, n) : a)))
      const types = graph.inputs.map(({ type: t }, k) => tensorType(t.dtype, flags[k] ? [size, ...t.shape] : t.shape))
      let batched: boolean[] = []
      const whole = trace('batched', types, (...args) => {
        const result = batchGraph(graph, args, flags, size)
        batched = result.batched
        return result.outputs
      }).graph
      verify(whole, 'batching')
      const inputs = first.map((a, k) => (flags[k] ? stacked(copies.map((c) => c[k]!)) : a))
      const got = evaluate(whole, inputs)
      const expected = copies.map((c) => evaluate(graph, c))
      got.forEach((y, k) => {
        const loop = batched[k] ? stacked(expected.map((r) => r[k]!)) : expected[0]![k]!
        const [g, e] = [elements(y), elements(loop)]
        expect(`${y.dtype}[${y.shape}]`).toBe(`${loop.dtype}[${loop.shape}]`)
        const at = g.findIndex((x, i) => !close(x, e[i]!, y.dtype === 'f16' ? 1e-2 : 1e-5))
        if (at >= 0) expect.fail(`output ${k}, element ${at}: got ${g[at]}, expected ${e[at]} in\n${print(graph)}`)
      })
    })
  })

  it('have a reverse mode that is the transpose of their forward mode', () => {
    let compared = 0
    forAllGraphs(400, (graph, random) => {
      const args = valuesFor(graph).map(fromHost)
      const noise = (t: Tensor): Tensor | null => {
        if (!isFloat(t.dtype)) return null
        const numbers = Array.from({ length: sizeOf(t.shape) }, () => random.number(-1, 1))
        return fromHost(hostFromNumbers(t.dtype, t.shape, numbers))
      }
      const v = args.map(noise)
      const wanted = v.map((t) => t !== null)
      const reverse = vjpGraph(graph, args, wanted)
      const u = reverse.outputs.map(noise)
      const forward = jvpGraph(graph, args, v)
      const left = pairing(reverse.pull(u), v)
      const right = pairing(u, forward.tangents)
      // Poles and overflow are the programs' own; f16 rounds too much to compare.
      fc.pre(Number.isFinite(left) && Number.isFinite(right) && Math.abs(left) < 1e3)
      fc.pre(!graph.equations.some((e) => e.outputs.some((y) => y.type.dtype === 'f16')))
      if (left !== 0) compared++
      if (!close(left, right, 1e-3)) expect.fail(`<vjp u, v> is ${left}, <u, jvp v> is ${right} in\n${print(graph)}`)
    })
    expect(compared).toBeGreaterThan(20)
  })
})

const stacked = (arrays: readonly HostArray[]): HostArray =>
  hostArrayOf(
    o.concat(
      arrays.map((a) => o.expandDims(fromHost(a), 0)),
      0,
    ),
    'test',
  )

const pairing = (a: readonly (Tensor | null)[], b: readonly (Tensor | null)[]): number =>
  a.reduce((sum, x, i) => {
    const y = b[i]
    if (!x || !y) return sum
    const ys = numbersOf(y)
    return sum + numbersOf(x).reduce((s, n, k) => s + n * ys[k]!, 0)
  }, 0)
