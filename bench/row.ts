import type { Case } from './cases.ts'
import type { Contender } from './contender.ts'
import type { ProgramFacts } from './implementation.ts'
import type { Problem } from './problem.ts'
import { median, type Spread, spread } from './statistics.ts'

/** One line of the report: one implementation in one case. Times are in milliseconds. */
export type Row = Subject & (Measured | NotMeasured)

interface Subject {
  readonly case: string
  readonly problem: Problem
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
  /** What the case asks for, over the median. */
  readonly gflops: number
  readonly gigabytes: number
  /** What its compiler made of the case, where it tells. */
  readonly facts: ProgramFacts | null
}

export interface NotMeasured {
  /** unsupported: it has no means for the case. missing: it is not on this machine. error: it failed, or was wrong. */
  readonly status: 'unsupported' | 'missing' | 'error'
  readonly why: string
}

export type MeasuredRow = Subject & Measured

export const isMeasured = (row: Row): row is MeasuredRow => row.status === 'measured'

export interface Measurement {
  readonly times: readonly number[]
  readonly firstCall: number
  readonly facts: ProgramFacts | null
}

export function measuredRow(what: Case, by: Contender, { times, firstCall, facts }: Measurement): Row {
  const seconds = median(times) / 1000
  return {
    ...subject(what, by),
    status: 'measured',
    median: median(times),
    spread: spread(times),
    runs: times.length,
    firstCall,
    gflops: what.flops / seconds / 1e9,
    gigabytes: what.bytes / seconds / 1e9,
    facts,
  }
}

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
  problem: what.problem,
  flops: what.flops,
  bytes: what.bytes,
})
