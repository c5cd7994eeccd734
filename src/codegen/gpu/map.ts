import { sizeOf } from '../../ir/shape.ts'
import type { Group } from '../fusion.ts'
import { ceilDiv, Frame, groupFlops, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { spreadGroups } from './spread.ts'

const WORKGROUP = 64

/** One thread per element of the result. */
export function scheduleMap(group: Group, context: ScheduleContext): Scheduled {
  const frame = new Frame(group, context)
  const { k, emitter } = frame
  const { root } = group
  const n = sizeOf(root.type.shape)
  const count = k.param('count', n)
  const thread = k.x.builtin('global_x')
  // Threads past the end compute the last element once more, in bounds, and do not store it.
  const i = k.share(k.x.min(thread, k.x.sub(count, k.x.constant(1))), 'i')
  const value = emitter.element(root, emitter.linearPosition(root, i))
  k.when(k.x.less(thread, count), () => frame.store(i, value))
  return frame.finish('map', [WORKGROUP, 1, 1], spreadGroups(ceilDiv(n, WORKGROUP), context.limits), groupFlops(group))
}
