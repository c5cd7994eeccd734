import { sizeOf } from '../../ir/shape.ts'
import { innerLength, positionAt } from '../columns.ts'
import { elementwiseFlops, Frame, groupsOf, type ScheduleContext, type Scheduled, type Work } from '../schedule.ts'
import { cut, eachRow, vectorLoop } from './loops.ts'

/** Elementwise work: rows of columns, four columns at a time. */
export function scheduleMap(work: Work, context: ScheduleContext): Scheduled {
  const frame = new Frame(work, context)
  const { k, emitter } = frame
  const roots = groupsOf(work).map((g) => g.root)
  const size = sizeOf(roots[0]!.type.shape)
  const inner = Math.min(...roots.map((root) => innerLength(root, context)))
  const pieces = cut(size / inner, inner)
  eachRow(k, size / inner, inner, pieces, (row, from, to) => {
    vectorLoop(k, 'column', from, to, (column) => {
      const at = positionAt(emitter, roots[0]!, inner, row, column).linear()
      frame.storeAll(at, frame.resultsAt(at))
    })
  })
  return frame.finish('map', [1, 1, 1], [pieces.count, 1, 1], elementwiseFlops(work))
}
