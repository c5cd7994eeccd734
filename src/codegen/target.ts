import type { Kernel } from './kernel-ir.ts'
import type { DeviceLimits, KernelSource, TargetName } from './program.ts'
import type { ScheduleContext, Scheduled, Work } from './schedule.ts'

/** What differs between targets: how a group becomes a kernel, and how a kernel is written down. */
export interface Target {
  readonly name: TargetName
  /** Has a kernel memory of its own for whole rows? */
  readonly keepsRows: boolean
  schedule(work: Work, context: ScheduleContext): Scheduled
  /** Memory that a workgroup is given by its caller. */
  scratchBytes(kernel: Kernel): number
  /** The kernel for a person to read. Texts that are equal but for comments mean equal kernels. */
  text(kernel: Kernel): string
  /** What the runtime takes; `text` is what the function above gave. */
  assemble(kernel: Kernel, name: string, text: string, limits: DeviceLimits): KernelSource
}

/** The text without comments: what decides whether two kernels are one. */
export const stripComments = (text: string): string => text.replace(/\s*\/\/.*$/gm, '')
