import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { activeOutputs } from '../../src/autodiff/activity.ts'
import { jvpGraph } from '../../src/autodiff/forward.ts'
import { vjpGraph } from '../../src/autodiff/reverse.ts'
import { type HostArray, isFloat } from '../../src/ir/dtype.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import { type Graph, type TensorType, tensorType } from '../../src/ir/graph.ts'
import { allPrims } from '../../src/ir/prim.ts'
import { fromHost, hostFromNumbers, isTensor, type Tensor } from '../../src/ir/tensor.ts'
import { bind, trace } from '../../src/ir/trace.ts'
import { nameOf, Random, type Sample, type SampleRow, samples } from '../prims/samples.ts'
import { close, elements, numbersOf, sampleOf, show } from './helpers.ts'

/** One application of the primitive as a graph. */
const graphOf = (row: SampleRow, { inputs, attrs }: Sample): Graph =>
  trace(
    row.prim.name,
    inputs.map((x) => tensorType(x.dtype, x.shape)),
    (...args) => bind(row.prim, args, attrs),
  ).graph

const floatFlags = (inputs: readonly HostArray[]): boolean[] => inputs.map((x) => isFloat(x.dtype))
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
const noiseLike = (type: TensorType, random: Random): HostArray => {
  const n = type.shape.reduce((m, d) => m * d, 1)
  return hostFromNumbers(
    type.dtype,
    type.shape,
    Array.from({ length: n }, () => random.number(-1, 1)),
  )
}

/** Rows with a float input that an active output depends on. */
function differentiable(row: SampleRow, sample: Sample): { graph: Graph; active: boolean[] } | null {
  const graph = graphOf(row, sample)
  const active = activeOutputs(graph, floatFlags(sample.inputs))
  return active.includes(true) ? { graph, active } : null
}

const halves = (graph: Graph): boolean => graph.outputs.some((v) => v.type.dtype === 'f16')

const rows = samples.filter((row) => row.dtypes.includes('f32'))
const seeds = fc.integer({ min: 1, max: 1_000_000 })
const RUNS = { numRuns: 15 }

describe('the table of samples', () => {
  it('has a row for every primitive', () => {
    const covered = new Set(samples.map((row) => row.prim.name))
    expect(allPrims().flatMap((p) => (covered.has(p.name) ? [] : [p.name]))).toEqual([])
  })

  it('has derivative rules for every primitive from floats to floats, but steps and stop_gradient', () => {
    const without = rows.filter((row) => {
      const sample = sampleOf(row, 'f32', 1)
      const types = row.prim.infer(sample.inputs, sample.attrs)
      const maps = floatFlags(sample.inputs).includes(true) && types.some((t) => isFloat(t.dtype))
      const hasRule = (row.prim.vjp && row.prim.jvp) || /customVjp|checkpoint|loop|attention/.test(row.prim.kind)
      return maps && !hasRule
    })
    expect(without.map((row) => row.prim.name)).toEqual(['sign', 'floor', 'ceil', 'round', 'stop_gradient'])
  })
})

describe('vjp against finite differences', () => {
  it.each(rows.map((row) => [nameOf(row), row] as const))('%s', (_, row) => {
    fc.assert(
      fc.property(seeds, (seed) => checkAgainstDifferences(row, seed)),
      RUNS,
    )
  })
})

/** Compares the vjp for a random cotangent with Richardson's extrapolation of central differences. */
function checkAgainstDifferences(row: SampleRow, seed: number): void {
  const sample = sampleOf(row, 'f32', seed)
  const found = differentiable(row, sample)
  if (!found) return
  const { graph, active } = found
  // A step small enough for a derivative is lost in the rounding of f16.
  if (halves(graph)) return
  const random = new Random(seed + 1)
  const cts = graph.outputs.map((v, i) => (active[i] ? noiseLike(v.type, random) : null))
  const objective = (inputs: readonly HostArray[]): number =>
    evaluate(graph, inputs).reduce((sum, y, i) => sum + (cts[i] ? dot(elements(y), elements(cts[i])) : 0), 0)
  const wanted = floatFlags(sample.inputs)
  const grads = vjpGraph(graph, sample.inputs.map(fromHost), wanted).pull(cts.map((ct) => ct && fromHost(ct)))
  sample.inputs.forEach((x, k) => {
    if (!wanted[k] || row.conventional?.includes(k)) return
    const got = grads[k] ? numbersOf(grads[k]) : elements(x).map(() => 0)
    const type = grads[k] ?? fromHost(x)
    expect(`${type}`, `${show(row, sample)}: cotangent of input ${k}`).toBe(`${fromHost(x)}`)
    for (let i = 0; i < x.data.length; i++) {
      const expected = slope((h) => objective(sample.inputs.with(k, nudged(x, i, h))))
      if (close(got[i]!, expected, 4e-3)) continue
      expect.fail(`${show(row, sample)}: d/d input ${k} at element ${i}: vjp ${got[i]}, differences ${expected}`)
    }
  })
}

function nudged(x: HostArray, i: number, h: number): HostArray {
  const data = x.data.slice()
  data[i]! += h
  return { ...x, data }
}

function slope(f: (h: number) => number): number {
  const central = (h: number): number => (f(h) - f(-h)) / (2 * h)
  return (4 * central(1 / 64) - central(1 / 32)) / 3
}

describe('<vjp u, v> = <u, jvp v>', () => {
  const forward = rows.filter((row) => row.prim.kind !== 'customVjp')
  it.each(forward.map((row) => [nameOf(row), row] as const))('%s', (_, row) => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const sample = sampleOf(row, 'f32', seed)
        const found = differentiable(row, sample)
        if (!found) return
        const { graph, active } = found
        const random = new Random(seed + 2)
        const args = sample.inputs.map(fromHost)
        const wanted = floatFlags(sample.inputs)
        const u = graph.outputs.map((y, i) => (active[i] ? fromHost(noiseLike(y.type, random)) : null))
        const v = sample.inputs.map((x, i) => (wanted[i] ? fromHost(noiseLike(x, random)) : null))
        const left = pairing(vjpGraph(graph, args, wanted).pull(u), v)
        const { outputs, tangents } = jvpGraph(graph, args, v)
        tangents.forEach((t, i) => {
          if (t) expect(t.toString(), `${show(row, sample)}: tangent of output ${i}`).toBe(outputs[i]!.toString())
        })
        const right = pairing(u, tangents)
        if (!close(left, right, halves(graph) ? 1e-2 : 1e-4)) {
          expect.fail(`${show(row, sample)}: <vjp u, v> is ${left}, <u, jvp v> is ${right}`)
        }
      }),
      RUNS,
    )
  })
})

const pairing = (a: readonly (Tensor | null)[], b: readonly (Tensor | null)[]): number =>
  a.reduce((sum, x, i) => {
    const y = b[i]
    return isTensor(x) && isTensor(y) ? sum + dot(numbersOf(x), numbersOf(y)) : sum
  }, 0)
