import type { ProgramFacts } from '../implementation.ts'
import { type Roof, shareOfRoof } from '../machine/roof.ts'
import { isMeasured, type MeasuredRow, type Row } from '../row.ts'
import { columns } from './columns.ts'

const HEAD = [
  '',
  'threads',
  'median ms',
  'p10..p90 ms',
  'runs',
  'GFLOP/s',
  'GB/s',
  'of roof',
  'time / weft',
  'first call ms',
]
const NUMBERS: ReadonlySet<number> = new Set(HEAD.slice(1).map((_, i) => i + 1))

/** The rows of one case as a table. Below it what weft made of the case, and what was not measured with its reason. */
export function caseTable(name: string, rows: readonly Row[], roofs: readonly Roof[] = []): string {
  const measured = rows.filter(isMeasured)
  const lines = measured.map((row) => [
    row.implementation,
    String(row.threads),
    threeDigits(row.median),
    `${threeDigits(row.spread.p10)}..${threeDigits(row.spread.p90)}`,
    String(row.runs),
    threeDigits(row.gflops),
    threeDigits(row.gigabytes),
    percent(shareOfRoof(row, roofs)),
    ratio(row, rows),
    threeDigits(row.firstCall),
  ])
  const programs = new Map(measured.flatMap(({ implementation, facts }) => (facts ? [[implementation, facts]] : [])))
  const others = rows.flatMap((row) =>
    isMeasured(row) ? [] : [`${row.implementation}, threads ${row.threads}: ${STATUS[row.status]}: ${row.why}`],
  )
  const table = lines.length > 0 ? [columns([HEAD, ...lines], NUMBERS)] : []
  return [
    name,
    ...[...table, ...[...programs].map(([by, facts]) => `${by}: ${factsText(facts)}`), ...others]
      .join('\n')
      .split('\n')
      .map((line) => `  ${line}`),
  ].join('\n')
}

/** Bytes of temporaries below which rounding to a device's alignment is all there is to see. */
export const WORTH_PLANNING = 64 * 1024

function factsText({ kernelCalls, pipelines, plannedBytes, livenessBytes, newPipelines }: ProgramFacts): string {
  const calls = `${kernelCalls} kernel calls of ${pipelines} pipelines`
  const ratio = livenessBytes < WORTH_PLANNING ? '' : ` (${(plannedBytes / livenessBytes).toFixed(2)}x)`
  const memory =
    livenessBytes === 0
      ? 'no temporaries'
      : `temporaries ${megabytes(plannedBytes)} MB, at least ${megabytes(livenessBytes)}${ratio}`
  return [calls, memory, ...(newPipelines === null ? [] : [`another length: ${newPipelines} new pipelines`])].join('; ')
}

const megabytes = (bytes: number): string => threeDigits(bytes / 1e6)

const percent = (share: number | null): string => (share === null ? '-' : `${(100 * share).toFixed(0)}%`)

const STATUS = { unsupported: 'not supported', missing: 'not there', error: 'ERROR' } as const

/** How many times weft's time a row takes: of weft with as many threads, or else of its fastest. */
function ratio(row: MeasuredRow, rows: readonly Row[]): string {
  const own = rows.filter(isMeasured).filter((other) => other.implementation === 'weft')
  const same = own.find((other) => other.threads === row.threads) ?? fastest(own)
  return same ? `${threeDigits(row.median / same.median)}x` : '-'
}

export const fastest = (rows: readonly MeasuredRow[]): MeasuredRow | undefined =>
  [...rows].sort((a, b) => a.median - b.median)[0]

/** Three digits that count, without exponents. */
export const threeDigits = (x: number): string =>
  x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toFixed(3)
