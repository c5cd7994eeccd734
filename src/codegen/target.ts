import type { Group } from './fusion.ts'
import type { Kernel } from './kernel-ir.ts'
import type { MemoryRules } from './memory-plan.ts'
import type { DeviceLimits, KernelSource, TargetName } from './program.ts'
import type { RowSpace } from './row-space.ts'
import { headOf, type ScheduleContext, type Scheduled, type Work } from './schedule.ts'

/** What differs between targets: how a group becomes a kernel, and how a kernel is written down. */
export interface Target {
  readonly name: TargetName
  /** Has a kernel memory of its own for whole rows? */
  readonly keepsRows: boolean
  /** Where temporaries may lie. */
  readonly memory: Omit<MemoryRules, 'mostBytes'>
  /** Is elementwise work with several results done where a product or reduction ends that it reads, or by itself? */
  readonly joinsHeroes: boolean
  schedule(work: Work, context: ScheduleContext): Scheduled
  /** Kernels of one form that know nothing of one another as one; null where that is no faster. */
  readonly sideBySide: ((members: readonly Scheduled[], limits: DeviceLimits) => Scheduled) | null
  /** Memory that a workgroup is given by its caller. */
  scratchBytes(kernel: Kernel): number
  /** The kernel for a person to read. Texts that are equal but for comments mean equal kernels. */
  text(kernel: Kernel): string
  /** What the runtime takes; `text` is what the function above gave. */
  assemble(kernel: Kernel, name: string, text: string, limits: DeviceLimits): KernelSource
}

type Schedule<W = Group> = (work: W, context: ScheduleContext) => Scheduled

/** A target's schedules, by what is at the heart of a group. */
export interface Schedules {
  readonly map: Schedule<Work>
  rows(work: Work, space: RowSpace, context: ScheduleContext): Scheduled
  readonly reduce: Schedule<Work>
  readonly contract: Schedule<Work>
  readonly cumulative: Schedule
  readonly update: Schedule
  readonly attention: Schedule
}

export function scheduleBy(schedules: Schedules, work: Work, context: ScheduleContext): Scheduled {
  if (work.kind === 'cluster' && work.form === 'rows') return schedules.rows(work, work.space, context)
  const kind = headOf(work).hero?.prim.kind
  switch (kind) {
    case 'reduce':
    case 'contract':
      return schedules[kind](work, context)
    case 'cumulative':
    case 'update':
    case 'attention':
      if (work.kind === 'cluster') throw new Error(`${kind} in a cluster`)
      return schedules[kind](work, context)
    default:
      return schedules.map(work, context)
  }
}

/** The text without comments: what decides whether two kernels are one. */
export const stripComments = (text: string): string => text.replace(/\s*\/\/.*$/gm, '')
