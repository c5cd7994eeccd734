import { range, sizeOf } from '../../ir/shape.ts'
import { positionByAxes } from '../columns.ts'
import type { Group } from '../fusion.ts'
import { Position } from '../index-space.ts'
import type { Expr } from '../kernel-ir.ts'
import { accumulatorOf, elementwiseFlops, Frame, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { cut, eachRow, vectorLoop } from './loops.ts'

/** Running sums: one after the other along their axis, and side by side where that is not the last. */
export function scheduleCumulative(group: Group, context: ScheduleContext): Scheduled {
  const frame = new Frame(group, context)
  const { k, emitter } = frame
  const { x } = k
  const { root } = group
  const { shape } = root.type
  const input = group.hero!.inputs[0]!
  const axis = group.hero!.attrs['axis'] as number
  const reverse = group.hero!.attrs['reverse'] as boolean
  const last = shape.length - 1
  const outer = range(shape.length).filter((a) => a !== axis && a !== last)
  const outerShape = outer.map((a) => shape[a]!)
  const dtype = accumulatorOf(root.type.dtype)
  const length = k.param('length', shape[axis]!)

  const line = (row: Expr, column: Expr): void => {
    const at = Position.linear(k, outerShape, 'line', row)
    const total = k.variable('total', dtype, x.constant(0, dtype), column.lanes)
    k.loop('step', x.constant(0), length, x.constant(1), (step) => {
      const i = reverse ? k.share(x.sub(x.sub(length, x.constant(1)), step), 'i') : step
      const index = range(shape.length).map((a) => (a === axis ? i : a === last ? column : at.axis(outer.indexOf(a))))
      const term = emitter.element(input, positionByAxes(emitter, input, index))
      k.assign(total, x.foldMonoid('sum', total, x.cast(term, dtype)))
      frame.store(positionByAxes(emitter, root, index).linear(), x.cast(total, root.type.dtype))
    })
  }

  const rows = sizeOf(outerShape)
  const columns = axis === last ? 1 : shape[last]!
  const pieces = cut(rows, columns, shape[axis]!, 16)
  eachRow(k, rows, columns, pieces, (row, from, to) => {
    if (columns === 1) line(row, x.constant(0))
    else vectorLoop(k, 'column', from, to, (column) => line(row, column))
  })
  return frame.finish('cumulative', [1, 1, 1], [pieces.count, 1, 1], elementwiseFlops(group) + sizeOf(shape))
}
