import type { Equation, Graph } from '../ir/graph.ts'
import type { Tensor } from '../ir/tensor.ts'

/**
 * What the rules of kinds with nested graphs receive and give. Each takes the transformation of a whole graph as an
 * argument, so that rule and transformation can call each other without importing each other.
 */
export type Grad = Tensor | null

export interface Pullback {
  readonly outputs: Tensor[]
  /** Cotangents of the outputs to cotangents of the inputs; null is zero. */
  pull(cts: readonly Grad[]): Grad[]
}
export type VjpGraph = (graph: Graph, args: readonly Tensor[], wanted: readonly boolean[]) => Pullback
export interface NestedVjp {
  readonly e: Equation
  readonly inputs: readonly Tensor[]
  /** Inputs that are active; a pullback may return null for the others. */
  readonly wanted: readonly boolean[]
  readonly vjpGraph: VjpGraph
}

export interface Pushed {
  readonly outputs: Tensor[]
  readonly tangents: Grad[]
}
export type JvpGraph = (graph: Graph, args: readonly Tensor[], tangents: readonly Grad[]) => Pushed
export interface NestedJvp {
  readonly e: Equation
  readonly inputs: readonly Tensor[]
  readonly tangents: readonly Grad[]
  readonly jvpGraph: JvpGraph
}

export interface Batched {
  readonly outputs: Tensor[]
  /** Which outputs carry the batch, in axis 0. */
  readonly batched: boolean[]
}
export type BatchGraph = (graph: Graph, args: readonly Tensor[], batched: readonly boolean[], size: number) => Batched
export interface NestedBatch {
  readonly e: Equation
  readonly inputs: readonly Tensor[]
  readonly batched: readonly boolean[]
  readonly size: number
  readonly batchGraph: BatchGraph
}
