import { isFloat } from '../ir/dtype.ts'
import { rawOps } from '../ir/raw-ops.ts'
import { jvpGraph } from './forward.ts'
import { traceTree } from './trace-tree.ts'
import { cotangentLeaves } from './vjp.ts'

/**
 * Forward-mode derivative: the value of `f` at `primals` and its derivative along `tangents`, a tuple of trees like
 * `primals`. Tangents of leaves that are not of a float dtype are ignored.
 *
 * @throws TraceError where a tangent differs from its primal; UnsupportedError for functions made by `customVjp`.
 */
export function jvp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  primals: A,
  tangents: A,
): [value: R, tangent: R] {
  const { graph, captures, args, result } = traceTree('jvp', f, primals)
  const moving = cotangentLeaves('jvp', tangents, args, args.leaves)
  const pushed = jvpGraph(
    graph,
    [...args.leaves, ...captures],
    [...moving.map((t) => (isFloat(t.dtype) ? t : null)), ...captures.map(() => null)],
  )
  const along = pushed.outputs.map((y, i) => pushed.tangents[i] ?? rawOps.zerosLike(y))
  return [result.rebuild(pushed.outputs) as R, result.rebuild(along) as R]
}
