import type { Peak } from '../machine/peak.ts'
import { isMeasured, type MeasuredRow, type Row } from '../row.ts'
import { columns } from './columns.ts'

const HEAD = ['', 'threads', 'median ms', 'p10..p90 ms', 'runs', 'rate', 'of peak', 'time / weft', 'first call ms']
const NUMBERS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 8])

/** The rows of one case as a table. What was not measured follows below it, each with its reason. */
export function caseTable(name: string, rows: readonly Row[], peak: Peak | null = null): string {
  const measured = rows.filter(isMeasured)
  const lines = measured.map((row) => [
    row.implementation,
    String(row.threads),
    milliseconds(row.median),
    `${milliseconds(row.spread.p10)}..${milliseconds(row.spread.p90)}`,
    String(row.runs),
    `${threeDigits(row.rate.value)} ${row.rate.unit}`,
    shareOf(row, peak),
    ratio(row, rows),
    milliseconds(row.firstCall),
  ])
  const others = rows.flatMap((row) =>
    isMeasured(row) ? [] : [`${row.implementation}, threads ${row.threads}: ${STATUS[row.status]}: ${row.why}`],
  )
  const table = lines.length > 0 ? [columns([HEAD, ...lines], NUMBERS)] : []
  return [
    name,
    ...[...table, ...others]
      .join('\n')
      .split('\n')
      .map((line) => `  ${line}`),
  ].join('\n')
}

/** Of what as many threads of WebAssembly could do, which is no measure for a graphics card or for native code. */
function shareOf({ device, threads, rate }: MeasuredRow, peak: Peak | null): string {
  if (!peak || device !== 'wasm') return '-'
  const compute = threads === 1 ? peak.oneThread : peak.allThreads
  return `${((100 * rate.value) / (rate.unit === 'GFLOP/s' ? compute : peak.copy)).toFixed(0)}%`
}

const STATUS = { unsupported: 'not supported', missing: 'not there', error: 'ERROR' } as const

/** How many times weft's time a row takes: of weft with as many threads, or else of its fastest. */
function ratio(row: MeasuredRow, rows: readonly Row[]): string {
  const own = rows.filter(isMeasured).filter((other) => other.implementation === 'weft')
  const same = own.find((other) => other.threads === row.threads) ?? fastest(own)
  return same ? `${threeDigits(row.median / same.median)}x` : '-'
}

export const fastest = (rows: readonly MeasuredRow[]): MeasuredRow | undefined =>
  [...rows].sort((a, b) => a.median - b.median)[0]

const milliseconds = (x: number): string => threeDigits(x)

/** Three digits that count, without exponents. */
export const threeDigits = (x: number): string =>
  x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toFixed(3)
