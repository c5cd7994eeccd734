import { checkpoint as checkpointPrim } from '../ir/prims/nested.ts'
import { bind } from '../ir/trace.ts'
import { traceTree } from './trace-tree.ts'

/**
 * `f`, but the backward pass computes its inner values again from the arguments instead of keeping them: less memory
 * for more time. Wrap one block of a deep model.
 *
 * Source: Chen et al., Training Deep Nets with Sublinear Memory Cost (2016), section 3.
 */
export function checkpoint<A extends readonly unknown[], R>(f: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    const { graph, captures, args: flat, result } = traceTree('checkpoint', f, args)
    return result.rebuild(bind(checkpointPrim, [...flat.leaves, ...captures], { body: graph })) as R
  }
}
