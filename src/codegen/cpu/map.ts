import type { Value } from '../../ir/graph.ts'
import { sizeOf } from '../../ir/shape.ts'
import {
  elementwiseFlops,
  Frame,
  groupsOf,
  outputsOf,
  type ScheduleContext,
  type Scheduled,
  type Work,
} from '../schedule.ts'
import { innerLength, positionAt } from './columns.ts'
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
      // Everything is read before anything is written: an output may lie where an input did.
      const values = new Map<Value, ReturnType<typeof emitter.element>>()
      for (const root of roots) {
        const value = k.share(emitter.element(root, emitter.linearPosition(root, at)), 'result')
        emitter.bound.set(root, value)
        values.set(root, value)
      }
      for (const root of roots) emitter.bound.delete(root)
      for (const v of outputsOf(work)) frame.store(at, values.get(v)!, v)
    })
  })
  return frame.finish('map', [1, 1, 1], [pieces.count, 1, 1], elementwiseFlops(work))
}
