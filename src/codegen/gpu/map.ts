import type { Value } from '../../ir/graph.ts'
import { sizeOf } from '../../ir/shape.ts'
import type { Expr } from '../kernel-ir.ts'
import {
  ceilDiv,
  elementwiseFlops,
  Frame,
  groupsOf,
  outputsOf,
  type ScheduleContext,
  type Scheduled,
  type Work,
} from '../schedule.ts'
import { spreadGroups } from './spread.ts'

const WORKGROUP = 64

/** One thread per element of the results. */
export function scheduleMap(work: Work, context: ScheduleContext): Scheduled {
  const frame = new Frame(work, context)
  const { k, emitter } = frame
  const roots = groupsOf(work).map((g) => g.root)
  const n = sizeOf(roots[0]!.type.shape)
  const count = k.param('count', n)
  const thread = k.x.builtin('global_x')
  // Threads past the end compute the last element once more, in bounds, and do not store it.
  const i = k.share(k.x.min(thread, k.x.sub(count, k.x.constant(1))), 'i')
  // Everything is read before anything is written: an output may lie where an input did.
  const values = new Map<Value, Expr>()
  for (const root of roots) {
    const value = emitter.element(root, emitter.linearPosition(root, i))
    emitter.bound.set(root, value)
    values.set(root, value)
  }
  k.when(k.x.less(thread, count), () => {
    for (const v of outputsOf(work)) frame.store(i, values.get(v)!, v)
  })
  const groups = spreadGroups(ceilDiv(n, WORKGROUP), context.limits)
  return frame.finish('map', [WORKGROUP, 1, 1], groups, elementwiseFlops(work))
}
