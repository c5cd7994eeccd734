import type { Machine } from '../machine/describe.ts'
import type { Peak } from '../machine/peak.ts'
import type { Row } from '../row.ts'

/** What `--json` writes. Times are in milliseconds. */
export interface Report {
  readonly date: string
  readonly machine: Machine
  readonly peak: Peak | null
  readonly versions: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
}

export const reportJson = (report: Report): string => `${JSON.stringify(report, null, 2)}\n`
