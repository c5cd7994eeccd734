import type { DType } from '../../ir/dtype.ts'
import type { Value } from '../../ir/graph.ts'
import type { MonoidName } from '../../ir/prim.ts'
import { monoidIdentity } from '../../ir/prims/reduce.ts'
import { sizeOf } from '../../ir/shape.ts'
import type { Group } from '../fusion.ts'
import type { KernelBuilder } from '../kernel-builder.ts'
import type { Expr } from '../kernel-ir.ts'
import { pointsOver } from '../point-reuse.ts'
import { placeOf, type RowSpace } from '../row-space.ts'
import {
  ceilDiv,
  elementwiseFlops,
  Frame,
  groupsOf,
  type ScheduleContext,
  type Scheduled,
  type Work,
} from '../schedule.ts'
import { spreadGroups } from './spread.ts'

const WORKGROUP = 64
/** Rows longer than this have a workgroup each, shorter ones a thread. */
const LONG = 64

/** Reductions of whole rows and what is computed of them. A thread reads again only what it has written itself. */
export function scheduleRows(work: Work, space: RowSpace, context: ScheduleContext): Scheduled {
  const frame = new Frame(work, context)
  const groups = groupsOf(work)
  const walk = space.columns > LONG ? rowByWorkgroup(frame.k, space, context) : rowByThread(frame.k, space, context)
  for (const group of groups) stage(frame, space, walk, group)
  const folded = groups.reduce((n, g) => n + (g.hero ? sizeOf(g.hero.inputs[0]!.type.shape) : 0), 0)
  const flops = elementwiseFlops(frame.work) + folded
  return frame.finish(walk.name, [WORKGROUP, 1, 1], walk.workgroups, flops, (v) =>
    pointsOver(v, groups, space, context),
  )
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
  eachColumn(body: (column: Expr) => void): void
  /** The row's total of what each thread folded of it. */
  total(monoid: MonoidName, partial: Expr): Expr
}

function rowByThread(k: KernelBuilder, { rows, columns }: RowSpace, { limits }: ScheduleContext): Walk {
  const { x } = k
  const thread = x.builtin('global_x')
  const count = k.param('rows', rows)
  const inside = x.less(thread, count)
  return {
    name: 'rows_by_thread',
    workgroups: spreadGroups(ceilDiv(rows, WORKGROUP), limits),
    row: k.share(x.min(thread, x.sub(count, x.constant(1))), 'row'),
    inside,
    first: inside,
    eachColumn: (body) => k.loop('c', x.constant(0), k.param('columns', columns), x.constant(1), body),
    total: (_, partial) => partial,
  }
}

function rowByWorkgroup(k: KernelBuilder, { rows, columns }: RowSpace, { limits }: ScheduleContext): Walk {
  const { x } = k
  const [gx, gy, gz] = spreadGroups(rows, limits)
  const lane = k.share(x.builtin('local_x'), 'lane')
  const group = x.add(x.builtin('group_x'), x.mul(x.builtin('group_y'), k.param('groups_x', gx)))
  const count = k.param('rows', rows)
  const inside = x.less(group, count)
  const scratch = new Map<DType, string>()
  return {
    name: 'rows_by_workgroup',
    workgroups: [gx, gy, gz],
    row: k.share(x.min(group, x.sub(count, x.constant(1))), 'row'),
    inside,
    first: x.and(inside, x.less(lane, x.constant(1))),
    eachColumn: (body) => k.loop('c', lane, k.param('columns', columns), x.constant(WORKGROUP), body),
    total(monoid, partial) {
      const { dtype } = partial
      const known = scratch.get(dtype)
      const array = known ?? k.shared(`scratch_${dtype}`, dtype, WORKGROUP)
      scratch.set(dtype, array)
      // All must have read the total of the stage before.
      if (known) k.barrier()
      k.storeShared(array, lane, partial)
      for (let half = WORKGROUP / 2; half >= 1; half /= 2) {
        k.barrier()
        k.when(x.less(lane, x.constant(half)), () => {
          const mine = x.loadShared(array, dtype, lane, k.depth)
          const other = x.loadShared(array, dtype, x.add(lane, x.constant(half)), k.depth)
          k.storeShared(array, lane, x.foldMonoid(monoid, mine, other))
        })
      }
      k.barrier()
      const total = k.variable('total', dtype, x.loadShared(array, dtype, x.constant(0), k.depth))
      return total
    },
  }
}

function stage(frame: Frame, space: RowSpace, walk: Walk, group: Group): void {
  const { k, emitter } = frame
  const { x } = k
  const { root, hero } = group
  const eachPoint = (v: Value, body: (linear: Expr) => void): void => {
    const base = k.share(x.mul(walk.row, k.param('columns', space.columns)), 'base')
    walk.eachColumn((column) => {
      const linear = k.share(x.add(base, column), 'at')
      k.splits.set(linear, { inner: space.columns, column, row: () => walk.row })
      emitter.role(v)
      for (const leaf of group.leaves) bindPoint(frame, space, leaf, linear)
      body(linear)
    })
  }
  if (!hero && placeOf(root, space) === 'point') {
    eachPoint(root, (linear) => {
      const value = emitter.element(root, emitter.linearPosition(root, linear))
      k.when(walk.inside, () => frame.store(linear, value, root))
    })
    return
  }
  if (hero?.prim.kind === 'reduce') {
    const { monoid } = hero.prim
    const input = hero.inputs[0]!
    const result = hero.outputs[0]!
    const dtype = input.type.dtype === 'f16' ? 'f32' : input.type.dtype
    const partial = k.variable('partial', dtype, x.constant(monoidIdentity(monoid, dtype), dtype))
    eachPoint(input, (linear) => {
      const element = x.cast(emitter.element(input, emitter.linearPosition(input, linear)), dtype)
      k.assign(partial, x.foldMonoid(monoid, partial, element))
    })
    emitter.bound.set(result, x.cast(walk.total(monoid, partial), result.type.dtype))
  }
  const value = emitter.element(root, emitter.linearPosition(root, walk.row))
  emitter.bound.set(root, value)
  if (frame.isOutput(root)) k.when(walk.first, () => frame.store(walk.row, value, root))
}

/** What an earlier stage stored at the point where this thread stands. */
function bindPoint(frame: Frame, space: RowSpace, leaf: Value, linear: Expr): void {
  const { k, emitter } = frame
  if (placeOf(leaf, space) !== 'point' || !frame.isOutput(leaf)) return
  emitter.bound.set(leaf, k.share(k.x.load(frame.output(leaf), leaf.type.dtype, linear, k.depth), 'x'))
}
