import { isFloat } from '../ir/dtype.ts'
import { formatType } from '../ir/graph.ts'
import { rawOps } from '../ir/raw-ops.ts'
import { sameShape } from '../ir/shape.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { TraceError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'
import { type Flat, flatten } from '../util/tree.ts'
import { vjpGraph } from './reverse.ts'
import { traceTree } from './trace-tree.ts'

/**
 * Reverse-mode derivative: the value of `f` at `args`, and the function that maps a cotangent of the result (a tree
 * like the result) to cotangents of the arguments (a tuple like `args`). Leaves that are not of a float dtype have
 * cotangents of zeros in their own dtype.
 *
 * @throws TraceError where the cotangent differs from the result in structure, shape or dtype.
 */
export function vjp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  ...args: A
): [value: R, pullback: (ct: R) => A] {
  const { graph, captures, args: flat, result } = traceTree('vjp', f, args)
  const wanted = [...flat.leaves.map((t) => isFloat(t.dtype)), ...captures.map(() => false)]
  const { outputs, pull } = vjpGraph(graph, [...flat.leaves, ...captures], wanted)
  return [
    result.rebuild(outputs) as R,
    (ct) => {
      const grads = pull(cotangentLeaves('vjp', ct, result, outputs))
      return flat.rebuild(flat.leaves.map((t, i) => grads[i] ?? rawOps.zerosLike(t))) as unknown as A
    },
  ]
}

/** The leaves of a tree given as cotangent or tangent of another. @throws TraceError where they differ. */
export function cotangentLeaves(what: string, tree: unknown, like: Flat<unknown>, at: readonly Tensor[]): Tensor[] {
  const { leaves, structure } = flatten(tree, isTensor, `${what}: derivative`)
  if (structure !== like.structure) {
    throw new TraceError(`${what}: the derivative has the structure ${structure}, the value ${like.structure}`, {
      at: userLocation(),
      hint: 'give a tree of the same structure, with one tensor for each',
    })
  }
  leaves.forEach((t, i) => {
    const x = at[i]!
    if (t.dtype !== x.dtype || !sameShape(t.shape, x.shape)) {
      const path = like.paths[i] ? ` at ${like.paths[i]}` : ''
      throw new TraceError(`${what}: the derivative${path} is ${formatType(t)}, the value ${formatType(x)}`, {
        at: userLocation(),
        hint: 'a derivative has the shape and dtype of its value',
      })
    }
  })
  return leaves
}
