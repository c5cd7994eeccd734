import { passOf } from '../ir/attrs.ts'
import type { AttentionPass } from '../ir/prim.ts'
import type { Group } from './fusion.ts'
import type { ScheduleContext, Scheduled } from './schedule.ts'

type Schedule = (group: Group, context: ScheduleContext) => Scheduled

/** A target's schedules of attention, by what is computed of it. */
export interface AttentionSchedules extends Readonly<Record<AttentionPass, Schedule>> {
  /** The forward pass of few queries to many keys: a step of decoding. */
  readonly few: Schedule
}

/** Up to this many queries, a block of them would stand half empty. */
const FEW = 4

export const scheduleAttention =
  (schedules: AttentionSchedules): Schedule =>
  (group, context) => {
    const pass = passOf(group.hero!)
    const [queries] = group.hero!.inputs
    const isFew = pass === 'forward' && queries!.type.shape[2]! <= FEW
    return schedules[isFew ? 'few' : pass](group, context)
  }
