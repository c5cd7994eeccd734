import type { DType } from '../../ir/dtype.ts'
import type { Value } from '../../ir/graph.ts'
import type { ReducePrim } from '../../ir/prim.ts'
import { monoidIdentity } from '../../ir/prims/reduce.ts'
import { range, sizeOf } from '../../ir/shape.ts'
import { Position } from '../index-space.ts'
import type { Expr } from '../kernel-ir.ts'
import {
  accumulatorOf,
  ceilDiv,
  Frame,
  foldingFlops,
  headOf,
  type ScheduleContext,
  type Scheduled,
  type Work,
} from '../schedule.ts'
import { groupNumber, spreadGroups } from './spread.ts'
import { type RowTiling, rowTiling } from './tilings.ts'
import { WorkgroupFold } from './workgroup-fold.ts'

/** A reduction with what feeds it and what follows it, in one kernel. */
export function scheduleReduce(work: Work, context: ScheduleContext): Scheduled {
  const hero = headOf(work).hero!
  const input = hero.inputs[0]!
  const axes = hero.attrs['axes'] as readonly number[]
  const length = sizeOf(axes.map((a) => input.type.shape[a]!))
  const results = sizeOf(hero.outputs[0]!.type.shape)
  const tiling = rowTiling(context.limits)
  const together = results < tiling.fewResults && length > 2 * tiling.longRow
  return (together ? byWorkgroup : byThread)(work, context, tiling)
}

interface Fold {
  readonly prim: ReducePrim
  readonly input: Value
  readonly result: Value
  readonly dtype: DType
  readonly identity: Expr
  readonly length: Expr
  /** The input's element `r` (in row-major order of the reduced axes) for the result at `at`. */
  element(at: Position, r: Expr): Expr
}

function foldOf(frame: Frame): Fold {
  const hero = headOf(frame.work).hero!
  if (hero.prim.kind !== 'reduce') throw new Error('not a reduction')
  const { k, emitter } = frame
  const input = hero.inputs[0]!
  const result = hero.outputs[0]!
  const axes = hero.attrs['axes'] as readonly number[]
  const kept = range(input.type.shape.length).filter((a) => !axes.includes(a))
  const reducedShape = axes.map((a) => input.type.shape[a]!)
  const dtype = accumulatorOf(input.type.dtype)
  return {
    prim: hero.prim,
    input,
    result,
    dtype,
    identity: k.x.constant(monoidIdentity(hero.prim.monoid, dtype), dtype),
    length: k.param('length', sizeOf(reducedShape)),
    element(at, r) {
      const reduced = Position.linear(k, reducedShape, 'r', r)
      const index = input.type.shape.map((_, a) =>
        axes.includes(a) ? reduced.axis(axes.indexOf(a)) : at.axis(kept.indexOf(a)),
      )
      return k.x.cast(emitter.element(input, emitter.position(input, index)), dtype)
    },
  }
}

function storeResult(frame: Frame, fold: Fold, linear: Expr, total: Expr, guard: Expr): void {
  const { k, emitter } = frame
  emitter.bound.set(fold.result, k.x.cast(total, fold.result.type.dtype))
  const results = frame.resultsAt(linear)
  k.when(guard, () => frame.storeAll(linear, results))
}

function byThread(work: Work, context: ScheduleContext, tiling: RowTiling): Scheduled {
  const frame = new Frame(work, context)
  const { k, emitter } = frame
  const fold = foldOf(frame)
  const n = sizeOf(fold.result.type.shape)
  const count = k.param('count', n)
  const thread = k.x.builtin('global_x')
  const i = k.share(k.x.min(thread, k.x.sub(count, k.x.constant(1))), 'i')
  const at = emitter.linearPosition(fold.result, i)
  const total = k.variable('total', fold.dtype, fold.identity)
  k.loop('r', k.x.constant(0), fold.length, k.x.constant(1), (r) => {
    k.assign(total, k.x.foldMonoid(fold.prim.monoid, total, fold.element(at, r)))
  })
  storeResult(frame, fold, i, total, k.x.less(thread, count))
  const groups = spreadGroups(ceilDiv(n, tiling.threads), context.limits)
  return frame.finish('reduce_rows', [tiling.threads, 1, 1], groups, foldingFlops(work))
}

function byWorkgroup(work: Work, context: ScheduleContext, tiling: RowTiling): Scheduled {
  const frame = new Frame(work, context)
  const { k, emitter } = frame
  const fold = foldOf(frame)
  const n = sizeOf(fold.result.type.shape)
  const lane = k.share(k.x.builtin('local_x'), 'lane')
  const groups = spreadGroups(n, context.limits)
  const row = groupNumber(k, groups)
  const count = k.param('count', n)
  const i = k.share(k.x.min(row, k.x.sub(count, k.x.constant(1))), 'row')
  const at = emitter.linearPosition(fold.result, i)
  const partial = k.variable('partial', fold.dtype, fold.identity)
  k.loop('r', lane, fold.length, k.x.constant(tiling.threads), (r) => {
    k.assign(partial, k.x.foldMonoid(fold.prim.monoid, partial, fold.element(at, r)))
  })
  const total = new WorkgroupFold(k, tiling, lane).total(fold.prim.monoid, partial)
  storeResult(frame, fold, i, total, k.x.and(k.x.less(row, count), k.x.less(lane, k.x.constant(1))))
  return frame.finish('reduce_group', [tiling.threads, 1, 1], groups, foldingFlops(work))
}
