import { makeGraph, tensorType } from '../ir/graph.ts'
import type { Prim } from '../ir/prim.ts'
import { scan } from '../ir/prims/nested.ts'
import type { Tensor } from '../ir/tensor.ts'
import { bind, trace } from '../ir/trace.ts'
import type { SourceRef } from '../util/source.ts'

/** The operands of a loop; in the body, one step's: xs are [length, ...] outside and one slice inside. */
export interface LoopParts {
  readonly consts: readonly Tensor[]
  readonly carries: readonly Tensor[]
  readonly xs: readonly Tensor[]
}

export interface LoopResults {
  readonly carries: Tensor[]
  readonly ys: Tensor[]
}

/** Traces a step and applies the loop over it, which comes from `source`. Tensors that the step captures are consts. */
export function emitScan(
  source: SourceRef | undefined,
  name: string,
  { consts, carries, xs }: LoopParts,
  { length, reverse }: { readonly length: number; readonly reverse: boolean },
  step: (parts: LoopParts) => { readonly carries: readonly Tensor[]; readonly ys: readonly Tensor[] },
): LoopResults {
  const types = [
    ...[...consts, ...carries].map((t) => tensorType(t.dtype, t.shape)),
    ...xs.map((t) => tensorType(t.dtype, t.shape.slice(1))),
  ]
  const [first, second] = [consts.length, consts.length + carries.length]
  const { graph, captures } = trace(name, types, (...args) => {
    const parts = { consts: args.slice(0, first), carries: args.slice(first, second), xs: args.slice(second) }
    const result = step(parts)
    return [...result.carries, ...result.ys]
  })
  const inputs = graph.inputs
    .toSpliced(types.length, captures.length)
    .toSpliced(0, 0, ...graph.inputs.slice(types.length))
  const body = makeGraph(name, inputs, graph.equations, graph.outputs)
  const prim: unknown = scan
  const attrs = { body, length, consts: captures.length + consts.length, carries: carries.length, reverse }
  const results = bind(prim as Prim, [...captures, ...consts, ...carries, ...xs], attrs, source)
  return { carries: results.slice(0, carries.length), ys: results.slice(carries.length) }
}

/** A list of `count` with `values` at the places `at`, null elsewhere. */
export function scatter<T>(count: number, at: readonly number[], values: readonly T[]): (T | null)[] {
  const list = new Array<T | null>(count).fill(null)
  at.forEach((i, k) => {
    list[i] = values[k]!
  })
  return list
}
