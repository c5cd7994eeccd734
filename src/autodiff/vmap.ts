import { tensorType } from '../ir/graph.ts'
import { ensureBatched } from '../ir/prims/common.ts'
import { rawOps } from '../ir/raw-ops.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { trace } from '../ir/trace.ts'
import type { _, Shape } from '../ir/types.ts'
import { TraceError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'
import { type Flat, flatten } from '../util/tree.ts'
import { batchGraph } from './batching.ts'
import { type AxesPrefix, batchSize, spreadAxes } from './prefix.ts'
import { flattenArgs } from './trace-tree.ts'

export interface VmapOptions {
  /** Axis of the batch in the arguments: one for all, or one per argument, each a tree of axes; null is unbatched. */
  readonly inAxes?: number | null | readonly AxesPrefix[]
  /** Axis of the batch in the results; null asserts that a result does not depend on the batch. */
  readonly outAxes?: AxesPrefix
}

/** A tree of single examples as a tree with a batch somewhere: shapes of any kind, dtypes kept. */
export type Batch<T> =
  T extends Tensor<Shape, infer D> ? Tensor<Shape, D> : T extends object ? { [K in keyof T]: Batch<T[K]> } : T

type BatchArgs<A extends readonly unknown[]> = { [I in keyof A]: Batch<A[I]> }

/** A tree of single results with the batch as leading axis. */
export type Lead<T> =
  T extends Tensor<infer S, infer D>
    ? Tensor<readonly [_, ...S], D>
    : T extends object
      ? { [K in keyof T]: Lead<T[K]> }
      : T

type BatchResult<R, O extends VmapOptions> = O extends { readonly outAxes: AxesPrefix } ? Batch<R> : Lead<R>

/**
 * Maps a function of single examples over a batch, by rewriting its graph: matrix products become batched matrix
 * products, not loops. vmaps nest.
 *
 * The result has the structure of `f`'s own; unless outAxes says otherwise, the batch is its leading axis.
 *
 * @throws TraceError where axes do not fit the arguments or results, or sizes of the batch disagree.
 */
export function vmap<A extends readonly unknown[], R, const O extends VmapOptions = object>(
  f: (...args: A) => R,
  options?: O,
): (...args: BatchArgs<A>) => BatchResult<R, O> {
  const { inAxes = 0, outAxes = 0 }: VmapOptions = options ?? {}
  return (...args) => {
    const flat = flattenArgs('vmap', args)
    const axes = spreadAxes('vmap: inAxes', inAxes, args)
    const size = batchSize('vmap', flat.leaves, axes, flat.paths)
    const inputs = flat.leaves.map((t, i) => (axes[i] === null ? t : rawOps.moveAxis(t, axes[i]!, 0)))
    const batched = axes.map((axis) => axis !== null)
    const types = inputs.map((t, i) => tensorType(t.dtype, batched[i] ? t.shape.slice(1) : t.shape))
    let result: Flat<Tensor> | undefined
    const { graph, captures } = trace(f.name || 'vmap', types, (...leaves) => {
      result = flatten(f(...(flat.rebuild(leaves) as A)), isTensor, "vmap: the function's result")
      return result.leaves
    })
    const done = batchGraph(graph, [...inputs, ...captures], [...batched, ...captures.map(() => false)], size)
    const whole = result!
    const out = spreadAxes('vmap: outAxes', outAxes, whole.rebuild(whole.leaves))
    const placed = done.outputs.map((y, i) => placeBatch(y, done.batched[i]!, out[i]!, size, whole.paths[i]!))
    return whole.rebuild(placed) as BatchResult<R, O>
  }
}

function placeBatch(y: Tensor, batched: boolean, axis: number | null, size: number, path: string): Tensor {
  if (axis !== null) return rawOps.moveAxis(ensureBatched(rawOps, y, batched, size), 0, axis)
  if (!batched) return y
  throw new TraceError(`vmap: the result${path ? ` ${path}` : ''} depends on the batch, but outAxes is null`, {
    at: userLocation(),
    hint: 'give the axis where its batch shall go',
  })
}
