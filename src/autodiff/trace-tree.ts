import { type Graph, tensorType } from '../ir/graph.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { trace } from '../ir/trace.ts'
import { type Flat, flatten } from '../util/tree.ts'

/** A function of trees, traced: the graph takes the leaves of the arguments, then the tensors captured. */
export interface TracedTree {
  readonly graph: Graph
  readonly captures: readonly Tensor[]
  readonly args: Flat<Tensor>
  readonly result: Flat<Tensor>
}

/** Flattens the arguments of a transformed function. @throws TraceError where a leaf is not a tensor. */
export const flattenArgs = (what: string, args: readonly unknown[]): Flat<Tensor> =>
  flatten(args, isTensor, `${what}: argument`)

/**
 * Traces `fn` at the shapes of `args`.
 * @throws TraceError where an argument or result is not a tree of tensors.
 */
export function traceTree<A extends readonly unknown[]>(
  name: string,
  fn: (...args: A) => unknown,
  args: A,
  flat: Flat<Tensor> = flattenArgs(name, args),
): TracedTree {
  let result: Flat<Tensor> | undefined
  const types = flat.leaves.map((t) => tensorType(t.dtype, t.shape))
  const { graph, captures } = trace(fn.name || name, types, (...leaves) => {
    // A rebuilt tree has the structure, and so the type, of the one it was flattened from.
    result = flatten(fn(...(flat.rebuild(leaves) as A)), isTensor, `${name}: the function's result`)
    return result.leaves
  })
  return { graph, captures, args: flat, result: result! }
}

/** Leaves of each argument in turn: [start, end) in the flat list. */
export function leafRanges(args: readonly unknown[]): { readonly start: number; readonly end: number }[] {
  let at = 0
  return args.map((arg) => {
    const start = at
    at += flatten(arg, isTensor).leaves.length
    return { start, end: at }
  })
}
