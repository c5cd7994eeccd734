import { expect } from 'vitest'
import { getElement, type HostArray, isFloat } from '../../src/ir/dtype.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import { type Graph, type TensorType, tensorType } from '../../src/ir/graph.ts'
import { print } from '../../src/ir/print.ts'
import { sizeOf } from '../../src/ir/shape.ts'
import { hostFromNumbers, type Tensor } from '../../src/ir/tensor.ts'
import { trace } from '../../src/ir/trace.ts'
import { Random } from '../prims/samples.ts'

export const f32 = (...shape: number[]): TensorType => tensorType('f32', shape)
export const i32 = (...shape: number[]): TensorType => tensorType('i32', shape)
export const bool = (...shape: number[]): TensorType => tensorType('bool', shape)

/** The graph of a function that captures nothing. */
export const graphOf = (types: readonly TensorType[], fn: (...args: Tensor[]) => readonly Tensor[]): Graph =>
  trace('test', types, fn).graph

export const names = (graph: Graph): string[] => graph.equations.map((e) => e.prim.name)

/** Repeatable inputs of the graph's types. */
export function inputsFor(graph: Graph, seed = 1): HostArray[] {
  const random = new Random(seed)
  return graph.inputs.map(({ type: { dtype, shape } }) => {
    const element = (): number => (isFloat(dtype) ? random.number(-2, 2) : random.int(0, dtype === 'bool' ? 1 : 4))
    return hostFromNumbers(dtype, shape, Array.from({ length: sizeOf(shape) }, element))
  })
}

/** Fails, showing both graphs, unless they give the same for the inputs; `tolerance` is relative, for floats. */
export function expectSameResults(before: Graph, after: Graph, inputs: readonly HostArray[], tolerance = 0): void {
  const [expected, got] = [evaluate(before, inputs), evaluate(after, inputs)]
  const shown = (): string => `\n${print(before, { sources: false })}\nbecame\n${print(after, { sources: false })}`
  expect(got.length).toBe(expected.length)
  expected.forEach((e, k) => {
    const g = got[k]!
    if (g.dtype !== e.dtype || g.shape.join() !== e.shape.join()) expect.fail(`output ${k} changed its type${shown()}`)
    const allowed = isFloat(e.dtype) ? (e.dtype === 'f16' && tolerance > 0 ? 2e-3 : tolerance) : 0
    for (let i = 0; i < e.data.length; i++) {
      const [x, y] = [getElement(e, i), getElement(g, i)]
      const same = x === y || Object.is(x, y) || Math.abs(x - y) <= allowed * (1 + Math.abs(x))
      if (!same) expect.fail(`output ${k}, element ${i}: got ${y}, expected ${x}${shown()}`)
    }
  })
}
