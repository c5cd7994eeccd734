import { range, sizeOf } from '../../ir/shape.ts'
import type { Group } from '../fusion.ts'
import { Position } from '../index-space.ts'
import type { Expr } from '../kernel-ir.ts'
import { ceilDiv, elementwiseFlops, Frame, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { spreadGroups } from './spread.ts'

const WORKGROUP = 64

/**
 * Rewrites a part of a buffer that already holds input 0. One thread per update; where several updates may have one
 * target, one thread takes all of those in order, so that sums come out equal from run to run without atomics.
 */
export function scheduleUpdate(group: Group, context: ScheduleContext): Scheduled {
  const hero = group.hero!
  const { prim } = hero
  if (prim.kind !== 'update') throw new Error('not an update')
  const frame = new Frame(group, context, 'update')
  const { k, emitter } = frame
  const { x } = k
  const updates = hero.inputs[prim.updates]!
  const types = hero.inputs.map((v) => v.type)
  const colliding = prim.collidingAxes(types, hero.attrs)
  const shape = updates.type.shape
  const parallel = range(shape.length).filter((a) => !colliding.includes(a))
  const n = sizeOf(parallel.map((a) => shape[a]!))
  const count = k.param('count', n)
  const thread = x.builtin('global_x')
  const i = k.share(x.min(thread, x.sub(count, x.constant(1))), 'i')
  const lane = Position.linear(
    k,
    parallel.map((a) => shape[a]!),
    'lane',
    i,
  )

  const apply = (serial: Expr | undefined): void => {
    const line =
      serial &&
      Position.linear(
        k,
        colliding.map((a) => shape[a]!),
        'serial',
        serial,
      )
    const index = shape.map((_, a) =>
      colliding.includes(a) ? line!.axis(colliding.indexOf(a)) : lane.axis(parallel.indexOf(a)),
    )
    const value = emitter.element(updates, emitter.position(updates, index))
    const target = prim.target(emitter.indexMath(hero), index, types, hero.attrs)
    const at = k.share(emitter.position(group.root, target).linear(), 'target')
    k.when(x.less(thread, count), () => {
      const before = x.load(frame.output(), group.root.type.dtype, at, k.depth)
      frame.store(at, prim.combine === 'add' ? x.foldMonoid('sum', before, value) : value)
    })
  }
  const serialLength = sizeOf(colliding.map((a) => shape[a]!))
  if (colliding.length === 0) apply(undefined)
  else k.loop('s', x.constant(0), k.param('serial', serialLength), x.constant(1), apply)
  return frame.finish(
    prim.combine === 'add' ? 'scatter_add' : 'write_window',
    [WORKGROUP, 1, 1],
    spreadGroups(ceilDiv(n, WORKGROUP), context.limits),
    elementwiseFlops(group) + sizeOf(shape),
  )
}
