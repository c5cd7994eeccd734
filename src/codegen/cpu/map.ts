import { sizeOf } from '../../ir/shape.ts'
import type { Group } from '../fusion.ts'
import { Frame, groupFlops, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { innerLength, positionAt } from './columns.ts'
import { cut, eachRow, vectorLoop } from './loops.ts'

/** Elementwise work: rows of columns, four columns at a time. */
export function scheduleMap(group: Group, context: ScheduleContext): Scheduled {
  const frame = new Frame(group, context)
  const { k, emitter } = frame
  const { root } = group
  const inner = innerLength(root, context)
  const rows = sizeOf(root.type.shape) / inner
  const pieces = cut(rows, inner)
  eachRow(k, rows, inner, pieces, (row, from, to) => {
    vectorLoop(k, 'column', from, to, (column) => {
      const at = positionAt(emitter, root, inner, row, column)
      frame.store(at.linear(), emitter.element(root, at))
    })
  })
  return frame.finish('map', [1, 1, 1], [pieces.count, 1, 1], groupFlops(group))
}
