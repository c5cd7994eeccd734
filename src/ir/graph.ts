import type { SourceRef } from '../util/source.ts'
import type { DType, HostArray } from './dtype.ts'
import type { Prim } from './prim.ts'
import { formatShape } from './shape.ts'

/**
 * The IR is three records. A graph is a straight line of equations in SSA form: every value is defined once,
 * by a graph input or by one equation, before it is used.
 *
 *   graph    ::= fn name(inputs) -> types { equation* return outputs }
 *   equation ::= outputs = prim inputs {attrs}
 *   value    ::= a name and a type, such as f32[2,3]
 */
export interface TensorType {
  readonly dtype: DType
  readonly shape: readonly number[]
}

export interface Value {
  readonly type: TensorType
  /** A name for people; uniqueness is the printer's business. */
  readonly name?: string | undefined
}

export type AttrValue = number | string | boolean | readonly number[] | Graph | HostArray
export type Attrs = Readonly<Record<string, AttrValue>>

export interface Equation {
  readonly prim: Prim
  readonly inputs: readonly Value[]
  readonly attrs: Attrs
  readonly outputs: readonly Value[]
  readonly source?: SourceRef | undefined
}

export interface Graph {
  readonly kind: 'graph'
  readonly name: string
  readonly inputs: readonly Value[]
  readonly equations: readonly Equation[]
  readonly outputs: readonly Value[]
}

export const tensorType = (dtype: DType, shape: readonly number[]): TensorType => Object.freeze({ dtype, shape })
export const formatType = (t: TensorType): string => `${t.dtype}${formatShape(t.shape)}`
export const sameType = (a: TensorType, b: TensorType): boolean => formatType(a) === formatType(b)
export const isGraph = (a: AttrValue): a is Graph => typeof a === 'object' && 'kind' in a && a.kind === 'graph'

export function makeGraph(
  name: string,
  inputs: readonly Value[],
  equations: readonly Equation[],
  outputs: readonly Value[],
): Graph {
  return Object.freeze({ kind: 'graph', name, inputs, equations, outputs })
}

/** How often each value is read, graph outputs included. */
export function countUses(graph: Graph): Map<Value, number> {
  const uses = new Map<Value, number>()
  const add = (v: Value): unknown => uses.set(v, (uses.get(v) ?? 0) + 1)
  for (const e of graph.equations) e.inputs.forEach(add)
  graph.outputs.forEach(add)
  return uses
}
