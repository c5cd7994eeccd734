import type { Group } from '../fusion.ts'
import type { ScheduleContext, Scheduled } from '../schedule.ts'
import { scheduleKeysBackward, scheduleQueriesBackward } from './attention-backward.ts'
import { isFew, scheduleFew } from './attention-few.ts'
import { scheduleForward } from './attention-forward.ts'

/** Attention, by what is computed of it. */
export function scheduleAttention(group: Group, context: ScheduleContext): Scheduled {
  const prim = group.hero?.prim
  if (prim?.kind !== 'attention') throw new Error('not attention')
  switch (prim.pass) {
    case 'forward':
      return isFew(group) ? scheduleFew(group, context) : scheduleForward(group, context)
    case 'queries':
      return scheduleQueriesBackward(group, context)
    case 'keysAndValues':
      return scheduleKeysBackward(group, context)
  }
}
