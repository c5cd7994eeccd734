import { chromeTrace } from './chrome-trace.ts'
import type { Device, KernelTime } from './device.ts'
import { profileTable } from './profile-table.ts'

/** One call, measured. */
export interface Profile<R> {
  readonly result: R
  readonly times: readonly KernelTime[]
  /** Time per kernel, for people. */
  table(): string
  /** For chrome://tracing or Perfetto. */
  chromeTrace(): string
}

export const profileOf = <R>(result: R, times: readonly KernelTime[], kind: Device['kind']): Profile<R> => ({
  result,
  times,
  table: () => profileTable(times),
  chromeTrace: () => JSON.stringify(chromeTrace(times, kind)),
})
