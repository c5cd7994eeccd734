import type { Value } from '../../ir/graph.ts'
import type { MonoidName } from '../../ir/prim.ts'
import { monoidIdentity } from '../../ir/prims/reduce.ts'
import type { KernelBuilder } from '../kernel-builder.ts'
import { type Expr, LANES, type Lanes } from '../kernel-ir.ts'
import { pointsOver } from '../point-reuse.ts'
import { type RowPass, rowPasses } from '../row-passes.ts'
import { placeOf, type RowSpace } from '../row-space.ts'
import {
  accumulatorOf,
  ceilDiv,
  Frame,
  foldingFlops,
  groupsOf,
  type ScheduleContext,
  type Scheduled,
  type Work,
} from '../schedule.ts'
import { groupNumber, spreadGroups } from './spread.ts'
import { type RowTiling, rowTiling } from './tilings.ts'
import { inFours } from './vectors.ts'
import { WorkgroupFold } from './workgroup-fold.ts'

/** Reductions of whole rows and what is computed of them. A thread reads again only what it has written itself. */
export function scheduleRows(work: Work, space: RowSpace, context: ScheduleContext): Scheduled {
  const frame = new Frame(work, context)
  const groups = groupsOf(work)
  const tiling = rowTiling(context.limits)
  const walkOf = space.columns > tiling.longRow ? rowByWorkgroup : rowByThread
  const walk = walkOf(frame.k, space, context, { ...tiling, inFours: inFours(work, space.columns) })
  for (const pass of rowPasses(groups, space)) doPass(frame, space, walk, pass)
  const over = pointsOver(groups, space, context)
  return frame.finish(walk.name, [tiling.threads, 1, 1], walk.workgroups, foldingFlops(work), over)
}

/** How threads share rows, and whether they take four columns at a time. */
interface Sharing extends RowTiling {
  readonly inFours: boolean
}

/** How threads share rows and columns. */
interface Walk {
  readonly name: string
  readonly workgroups: readonly [number, number, number]
  readonly row: Expr
  /** Does this thread's row exist? */
  readonly inside: Expr
  /** Does it also store what there is one of in a row? */
  readonly first: Expr
  /** Its columns, one by one or as vectors. */
  eachColumn(body: (column: Expr) => void): void
  readonly lanes: Lanes
  /** The row's total of what each thread folded of it. */
  total(monoid: MonoidName, partial: Expr): Expr
}

function rowByThread(
  k: KernelBuilder,
  { rows, columns }: RowSpace,
  { limits }: ScheduleContext,
  sharing: Sharing,
): Walk {
  const { x } = k
  const thread = x.builtin('global_x')
  const count = k.param('rows', rows)
  const inside = x.less(thread, count)
  return {
    name: 'rows_by_thread',
    workgroups: spreadGroups(ceilDiv(rows, sharing.threads), limits),
    row: k.share(x.min(thread, x.sub(count, x.constant(1))), 'row'),
    inside,
    first: inside,
    eachColumn: (body) => walkColumns(k, columns, x.constant(0), 1, sharing, body),
    lanes: sharing.inFours ? LANES : 1,
    total: (_, partial) => partial,
  }
}

function rowByWorkgroup(
  k: KernelBuilder,
  { rows, columns }: RowSpace,
  { limits }: ScheduleContext,
  sharing: Sharing,
): Walk {
  const { x } = k
  const workgroups = spreadGroups(rows, limits)
  const lane = k.share(x.builtin('local_x'), 'lane')
  const group = groupNumber(k, workgroups)
  const count = k.param('rows', rows)
  const inside = x.less(group, count)
  const fold = new WorkgroupFold(k, sharing, lane)
  return {
    name: 'rows_by_workgroup',
    workgroups,
    row: k.share(x.min(group, x.sub(count, x.constant(1))), 'row'),
    inside,
    first: x.and(inside, x.less(lane, x.constant(1))),
    eachColumn: (body) => walkColumns(k, columns, lane, sharing.threads, sharing, body),
    lanes: sharing.inFours ? LANES : 1,
    total: (monoid, partial) => fold.total(monoid, partial),
  }
}

function walkColumns(
  k: KernelBuilder,
  columns: number,
  first: Expr,
  step: number,
  { inFours }: Sharing,
  body: (column: Expr) => void,
): void {
  const { x } = k
  if (!inFours) {
    k.loop('c', first, k.param('columns', columns), x.constant(step), body)
    return
  }
  const count = k.param('column_vectors', columns / LANES)
  k.loop('v', first, count, x.constant(step), (v) => body(x.ramp(x.mul(v, x.constant(LANES)))))
}

function doPass(frame: Frame, space: RowSpace, walk: Walk, { points, ends }: RowPass): void {
  const { k, emitter } = frame
  const { x } = k
  const made = new Set(points.map((g) => g.root))
  const partials = new Map<Value, { partial: Expr; monoid: MonoidName; result: Value }>()
  for (const { root, hero } of points) {
    if (hero?.prim.kind !== 'reduce') continue
    const { monoid } = hero.prim
    const dtype = accumulatorOf(hero.inputs[0]!.type.dtype)
    const partial = k.variable('partial', dtype, x.constant(monoidIdentity(monoid, dtype), dtype), walk.lanes)
    partials.set(root, { partial, monoid, result: hero.outputs[0]! })
  }
  const base = k.share(x.mul(walk.row, k.param('columns', space.columns)), 'base')
  if (points.length > 0) {
    walk.eachColumn((column) => {
      const at = k.share(x.add(base, column), 'at')
      k.splits.set(at, { inner: space.columns, column, row: () => walk.row })
      for (const { root, hero, leaves } of points) {
        for (const leaf of leaves) if (!made.has(leaf)) bindPoint(frame, space, leaf, at)
        const v = hero ? hero.inputs[0]! : root
        const value = k.share(emitter.element(v, emitter.linearPosition(v, at)), 'value')
        const fold = partials.get(root)
        if (fold) k.assign(fold.partial, x.foldMonoid(fold.monoid, fold.partial, x.cast(value, fold.partial.dtype)))
        else {
          emitter.bound.set(root, value)
          if (frame.isOutput(root)) k.when(walk.inside, () => frame.store(at, value, root))
        }
      }
    })
  }
  const end = (v: Value): void => {
    const value = k.share(emitter.element(v, emitter.linearPosition(v, walk.row)), 'row_value')
    emitter.bound.set(v, value)
    if (frame.isOutput(v)) k.when(walk.first, () => frame.store(walk.row, value, v))
  }
  for (const [root, { partial, monoid, result }] of partials) {
    const own = partial.lanes === 1 ? partial : k.share(x.across(monoid, partial), 'own')
    emitter.bound.set(result, x.cast(walk.total(monoid, own), result.type.dtype))
    end(root)
  }
  for (const { root } of ends) end(root)
}

/** What an earlier stage stored at the point where this thread stands. */
function bindPoint(frame: Frame, space: RowSpace, leaf: Value, linear: Expr): void {
  const { k, emitter } = frame
  if (placeOf(leaf, space) !== 'point' || !frame.isOutput(leaf)) return
  emitter.bound.set(leaf, k.share(k.x.load(frame.output(leaf), leaf.type.dtype, linear, k.depth), 'x'))
}
