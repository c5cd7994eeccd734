import { range, sizeOf } from '../../ir/shape.ts'
import { positionByAxes } from '../columns.ts'
import type { Group } from '../fusion.ts'
import { Position } from '../index-space.ts'
import type { Expr } from '../kernel-ir.ts'
import { elementwiseFlops, Frame, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { cut, eachIndex, eachRow, vectorLoop } from './loops.ts'

/**
 * Rewrites a part of a buffer that already holds input 0. Where several updates may have one target, one piece of
 * work takes all of those in order, so that sums come out equal whoever does it.
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
  const { shape } = updates.type
  const colliding = prim.collidingAxes(types, hero.attrs)
  const last = shape.length - 1
  const vectorised = last >= 0 && shape[last] !== 1 && !colliding.includes(last)
  const outer = range(shape.length).filter((a) => !colliding.includes(a) && !(vectorised && a === last))
  const outerShape = outer.map((a) => shape[a]!)

  const apply = (row: Expr, serial: ReadonlyMap<number, Expr>, column: Expr): void => {
    const lane = Position.linear(k, outerShape, 'lane', row)
    const index = shape.map((_, a) =>
      colliding.includes(a) ? serial.get(a)! : vectorised && a === last ? column : lane.axis(outer.indexOf(a)),
    )
    const value = emitter.element(updates, positionByAxes(emitter, updates, index))
    const target = prim.target(emitter.indexMath(hero), index, types, hero.attrs)
    const at = k.share(emitter.position(group.root, target).linear(), 'target')
    const before = x.load(frame.output(), group.root.type.dtype, at, k.depth)
    frame.store(at, prim.combine === 'add' ? x.foldMonoid('sum', before, value) : value)
  }

  const rows = sizeOf(outerShape)
  const columns = vectorised ? shape[last]! : 1
  const pieces = cut(rows, columns, sizeOf(colliding.map((a) => shape[a]!)), 16)
  eachRow(k, rows, columns, pieces, (row, from, to) => {
    eachIndex(k, shape, colliding, (serial) => {
      if (vectorised) vectorLoop(k, 'column', from, to, (column) => apply(row, serial, column))
      else apply(row, serial, x.constant(0))
    })
  })
  const name = prim.combine === 'add' ? 'scatter_add' : 'write_window'
  return frame.finish(name, [1, 1, 1], [pieces.count, 1, 1], elementwiseFlops(group) + sizeOf(shape))
}
