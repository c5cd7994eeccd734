import { sizeOf } from '../../ir/shape.ts'
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

/** One thread per element of the results. */
export function scheduleMap(work: Work, context: ScheduleContext): Scheduled {
  const frame = new Frame(work, context)
  const { k } = frame
  const n = sizeOf(groupsOf(work)[0]!.root.type.shape)
  const count = k.param('count', n)
  const thread = k.x.builtin('global_x')
  // Threads past the end compute the last element once more, in bounds, and do not store it.
  const i = k.share(k.x.min(thread, k.x.sub(count, k.x.constant(1))), 'i')
  const results = frame.resultsAt(i)
  k.when(k.x.less(thread, count), () => frame.storeAll(i, results))
  const groups = spreadGroups(ceilDiv(n, WORKGROUP), context.limits)
  return frame.finish('map', [WORKGROUP, 1, 1], groups, elementwiseFlops(work))
}
