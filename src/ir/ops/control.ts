import { TraceError } from '../../util/errors.ts'
import { userLocation } from '../../util/source.ts'
import { type Flat, flatten } from '../../util/tree.ts'
import { makeGraph, tensorType } from '../graph.ts'
import type { Prim } from '../prim.ts'
import { failDType } from '../prims/common.ts'
import { nested } from '../prims/index.ts'
import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape } from '../shape.ts'
import { isTensor, type Tensor } from '../tensor.ts'
import { bind, trace } from '../trace.ts'

export interface ScanOptions {
  /** From the last element of xs to the first; ys keep the order of xs. */
  readonly reverse?: boolean
  /** Number of steps, needed where there are no xs. */
  readonly length?: number
}

/** A tree of tensors, or null for none. */
type Leaves = Flat<Tensor>
const leavesOf = (tree: unknown, what: string): Leaves => flatten(tree ?? [], isTensor, what)

/**
 * A loop of fixed length over the leading axis of a tree: body(carry, x) -> [carry, y], where x is one slice of xs
 * (each [L, ...]), and the result is [last carry, ys] with every y stacked to [L, ...]. The body is traced once.
 * Tensors it uses from outside are captured. xs, and y, may be null; then give `length`.
 * @throws ShapeError where leading axes differ, or a carry does not keep its shape and dtype; TraceError if the carry's
 * structure changes.
 */
export function scan<C, X, Y>(
  body: (carry: C, x: X) => readonly [C, Y],
  init: C,
  xs: X,
  { reverse = false, length }: ScanOptions = {},
): [C, Y] {
  const carry = leavesOf(init, 'scan: init')
  const slices = leavesOf(xs, 'scan: xs')
  const steps = scanLength(slices, length)
  let carried: Leaves | undefined
  let results: { tree: unknown; flat: Leaves } | undefined
  const carries = carry.leaves.length
  const { graph, captures } = trace(
    'scan',
    [
      ...carry.leaves.map((t) => tensorType(t.dtype, t.shape)),
      ...slices.leaves.map((t) => tensorType(t.dtype, t.shape.slice(1))),
    ],
    (...args) => {
      const x = xs === null || xs === undefined ? xs : slices.rebuild(args.slice(carries))
      const [next, y] = body(carry.rebuild(args.slice(0, carries)) as C, x as X)
      carried = leavesOf(next, 'scan: the carry that the body returns')
      results = { tree: y, flat: leavesOf(y, 'scan: y') }
      return [...carried.leaves, ...results.flat.leaves]
    },
  )
  if (carried!.structure !== carry.structure) {
    throw new TraceError('scan: the body returns a carry of another structure than init', {
      at: userLocation(),
      hint: 'return [carry, y], the carry with the keys of init in their order',
    })
  }
  const own = graph.inputs.slice(0, graph.inputs.length - captures.length)
  const consts = graph.inputs.slice(own.length)
  const outputs = bind(nested.scan as unknown as Prim, [...captures, ...carry.leaves, ...slices.leaves], {
    body: makeGraph('scan', [...consts, ...own], graph.equations, graph.outputs),
    length: steps,
    consts: consts.length,
    carries,
    reverse,
  })
  const { tree, flat } = results!
  const ys = tree === null || tree === undefined ? tree : flat.rebuild(outputs.slice(carries))
  return [carry.rebuild(outputs.slice(0, carries)) as C, ys as Y]
}

function scanLength(xs: Leaves, length: number | undefined): number {
  const lengths = [...(length === undefined ? [] : [length]), ...xs.leaves.map((t) => t.shape[0])]
  const [first] = lengths
  if (first === undefined || lengths.some((n) => n !== first)) {
    failShape(
      `scan: leading axes ${xs.leaves.map((t) => formatShape(t.shape)).join(', ') || 'of nothing'}${length === undefined ? '' : `, length ${length}`}`,
      'every tensor of xs needs a leading axis of one size; without xs give {length}',
    )
  }
  return first
}

/**
 * whenTrue(...operands) where pred (bool[]) holds, else whenFalse(...operands). Both are evaluated and their results
 * chosen leaf by leaf: what runs on a device is a fixed list of kernels, and a branch would have to read pred back
 * first. Under vmap it is the same.
 * @throws DTypeError unless pred is bool[]; TraceError where the two results differ in structure, ShapeError in shape.
 */
export function cond<A extends readonly unknown[], R>(
  pred: Tensor,
  whenTrue: (...operands: A) => R,
  whenFalse: (...operands: A) => R,
  ...operands: A
): R {
  if (pred.dtype !== 'bool' || pred.rank !== 0) {
    failDType(
      `cond: the predicate is ${pred.dtype}${formatShape(pred.shape)}`,
      'it must be bool[]; for a choice per element use where',
    )
  }
  const yes = leavesOf(whenTrue(...operands), 'cond: the result')
  const no = leavesOf(whenFalse(...operands), 'cond: the result')
  if (yes.structure !== no.structure) {
    throw new TraceError('cond: the branches return trees of different structure', {
      at: userLocation(),
      hint: 'return the same keys, in the same order, from both',
    })
  }
  yes.leaves.forEach((t, i) => {
    const other = no.leaves[i]!
    if (formatShape(t.shape) !== formatShape(other.shape)) {
      failShape(
        `cond: the branches return ${formatShape(t.shape)} and ${formatShape(other.shape)}${yes.paths[i] ? ` at ${yes.paths[i]}` : ''}`,
        'both must return one shape',
      )
    }
  })
  return yes.rebuild(yes.leaves.map((t, i) => o.where(pred, t, no.leaves[i]!))) as R
}
