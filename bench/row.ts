import type { Case } from './cases.ts'
import type { Contender } from './contender.ts'
import { median, type Spread, spread } from './statistics.ts'

/** One line of the report: one implementation in one case. Times are in milliseconds. */
export type Row = Subject & (Measured | NotMeasured)

interface Subject {
  readonly case: string
  readonly device: string
  readonly implementation: string
  readonly threads: number
  /** Does it run in JavaScript? */
  readonly script: boolean
  readonly flops: number
  readonly bytes: number
}

export interface Measured {
  readonly status: 'measured'
  readonly median: number
  readonly spread: Spread
  readonly runs: number
  readonly firstCall: number
  readonly rate: Rate
}

export interface NotMeasured {
  /** unsupported: it has no means for the case. missing: it is not on this machine. error: it failed, or was wrong. */
  readonly status: 'unsupported' | 'missing' | 'error'
  readonly why: string
}

export interface Rate {
  readonly value: number
  readonly unit: 'GFLOP/s' | 'GB/s'
}

export type MeasuredRow = Subject & Measured

export const isMeasured = (row: Row): row is MeasuredRow => row.status === 'measured'

export const measuredRow = (what: Case, by: Contender, times: readonly number[], firstCall: number): Row => ({
  ...subject(what, by),
  status: 'measured',
  median: median(times),
  spread: spread(times),
  runs: times.length,
  firstCall,
  rate: rateOf(what, median(times)),
})

export const otherRow = (what: Case, by: Contender, status: NotMeasured['status'], why: string): Row => ({
  ...subject(what, by),
  status,
  why,
})

const subject = (what: Case, by: Contender): Subject => ({
  case: what.name,
  device: by.device,
  implementation: by.name,
  threads: by.threads,
  script: by.script,
  flops: what.flops,
  bytes: what.bytes,
})

function rateOf(what: Case, milliseconds: number): Rate {
  const perSecond = what[what.boundBy] / (milliseconds / 1000)
  return { value: perSecond / 1e9, unit: what.boundBy === 'flops' ? 'GFLOP/s' : 'GB/s' }
}
