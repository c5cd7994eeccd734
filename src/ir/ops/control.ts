import { TraceError } from '../../util/errors.ts'
import { userLocation } from '../../util/source.ts'
import { type Flat, flatten } from '../../util/tree.ts'
import type { DType } from '../dtype.ts'
import { makeGraph, tensorType } from '../graph.ts'
import type { Prim } from '../prim.ts'
import { failDType } from '../prims/common.ts'
import { nested } from '../prims/index.ts'
import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape } from '../shape.ts'
import { isTensor, type Tensor } from '../tensor.ts'
import { bind, trace } from '../trace.ts'
import type { Shape } from '../types.ts'
import type { LeadOf, Loose, SliceOf, Stacked } from './control-types.ts'
import type { BoolOnly } from './dtype-rules.ts'

export interface ScanOptions {
  /** From the last element of xs to the first; ys keep the order of xs. */
  readonly reverse?: boolean
  /** Number of steps, needed where there are no xs. */
  readonly length?: number
}

type Leaves = Flat<Tensor>
/** A tree of tensors; null and undefined have no leaves. */
const leavesOf = (tree: unknown, what: string): Leaves => flatten(tree ?? [], isTensor, what)
const isNothing = (tree: unknown): tree is null | undefined => tree === null || tree === undefined

/**
 * init, a tree of any shapes; xs, a tree of [L, ...] -> [last carry, ys], a tree of [L, ...]: a loop of fixed length.
 * body(carry, x) -> [carry, y] gets one slice of each of xs, and each y is stacked. It is traced once; tensors it uses
 * from outside are captured. xs may be null (then give `length`), and so may y.
 * @throws ShapeError where leading axes differ, or a carry does not keep its shape and dtype; TraceError if the carry
 * does not keep its structure. Source: the design is that of jax.lax.scan.
 */
export function scan<C, X, Y>(
  body: (carry: C, x: SliceOf<X>) => readonly [Loose<C>, Y],
  init: C,
  xs: X,
  options?: ScanOptions,
): [C, Stacked<Y, LeadOf<X>>]
export function scan(
  body: (carry: unknown, x: unknown) => readonly [unknown, unknown],
  init: unknown,
  xs: unknown,
  { reverse = false, length }: ScanOptions = {},
): [unknown, unknown] {
  const carry = leavesOf(init, 'scan: init')
  const slices = leavesOf(xs, 'scan: xs')
  const steps = scanLength(slices, length)
  const carries = carry.leaves.length
  const ys: { tree: unknown; flat: Leaves } = { tree: null, flat: leavesOf(null, '') }
  const { graph, captures } = trace(
    'scan',
    [
      ...carry.leaves.map((t) => tensorType(t.dtype, t.shape)),
      ...slices.leaves.map((t) => tensorType(t.dtype, t.shape.slice(1))),
    ],
    (...args) => {
      const x = isNothing(xs) ? xs : slices.rebuild(args.slice(carries))
      const [next, y] = body(carry.rebuild(args.slice(0, carries)), x)
      const carried = leavesOf(next, 'scan: the carry that the body returns')
      if (carried.structure !== carry.structure) failStructure()
      ys.tree = y
      ys.flat = leavesOf(y, 'scan: y')
      return [...carried.leaves, ...ys.flat.leaves]
    },
  )
  const own = graph.inputs.slice(0, graph.inputs.length - captures.length)
  const consts = graph.inputs.slice(own.length)
  const prim: unknown = nested.scan
  const outputs = bind(prim as Prim, [...captures, ...carry.leaves, ...slices.leaves], {
    body: makeGraph('scan', [...consts, ...own], graph.equations, graph.outputs),
    length: steps,
    consts: consts.length,
    carries,
    reverse,
  })
  const stacked = isNothing(ys.tree) ? ys.tree : ys.flat.rebuild(outputs.slice(carries))
  return [carry.rebuild(outputs.slice(0, carries)), stacked]
}

function failStructure(): never {
  throw new TraceError('scan: the body returns a carry of another structure than init', {
    at: userLocation(),
    hint: 'return [carry, y], the carry with the keys of init in their order',
  })
}

function scanLength(xs: Leaves, length: number | undefined): number {
  const lengths = [...(length === undefined ? [] : [length]), ...xs.leaves.map((t) => t.shape[0])]
  const [first] = lengths
  if (first === undefined || lengths.some((n) => n !== first)) {
    const shapes = xs.leaves.map((t) => formatShape(t.shape)).join(', ') || 'none'
    failShape(
      `scan: xs ${shapes}${length === undefined ? '' : `, length ${length}`}`,
      'every tensor of xs needs a leading axis of one size; without xs give {length}',
    )
  }
  return first
}

/**
 * pred bool[]; operands and results any trees -> whenTrue(...operands) where pred holds, else whenFalse(...operands).
 * Both are evaluated, and their results chosen leaf by leaf: what runs on a device is a fixed list of kernels, so that
 * a branch would have to read pred back first.
 * @throws DTypeError unless pred is bool[]; TraceError where the results differ in structure, ShapeError in shape.
 */
export function cond<P extends Shape, D extends DType, A extends readonly unknown[], R>(
  pred: Tensor<P, D> & BoolOnly<'cond'>[D],
  whenTrue: (...operands: A) => R,
  whenFalse: (...operands: A) => R,
  ...operands: A
): R
export function cond(
  pred: Tensor,
  whenTrue: (...operands: readonly unknown[]) => unknown,
  whenFalse: (...operands: readonly unknown[]) => unknown,
  ...operands: readonly unknown[]
): unknown {
  if (pred.dtype !== 'bool' || pred.rank !== 0) {
    failDType(
      `cond: the predicate is ${pred.dtype}${formatShape(pred.shape)}`,
      'it must be bool[]; per element use where',
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
  const chosen = yes.leaves.map((t, i) => {
    const other = no.leaves[i]!
    if (formatShape(t.shape) !== formatShape(other.shape)) {
      const where = yes.paths[i] ? ` at ${yes.paths[i]}` : ''
      failShape(
        `cond: the branches return ${formatShape(t.shape)} and ${formatShape(other.shape)}${where}`,
        'both must return one shape',
      )
    }
    return o.where(pred, t, other)
  })
  return yes.rebuild(chosen)
}
