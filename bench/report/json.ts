import type { Machine } from '../machine/describe.ts'
import type { Peak } from '../machine/peak.ts'
import type { Roof } from '../machine/roof.ts'
import type { Row } from '../row.ts'
import type { Verdict } from './targets.ts'

/** What `--json` writes. Times are in milliseconds. */
export interface Report {
  readonly date: string
  readonly machine: Machine
  readonly peak: Peak | null
  /** Best product and copy of the device, by threads. */
  readonly roofs: readonly Roof[]
  /** First calls were made with an empty driver cache. */
  readonly cold: boolean
  readonly versions: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
  readonly targets: readonly Verdict[]
}

export const reportJson = (report: Report): string => `${JSON.stringify(report, null, 2)}\n`
