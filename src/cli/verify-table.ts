import type { Comparison } from '../models/verify.ts'

const HEAD = ['', 'tensor', 'error', 'tolerance', '']

/** The comparisons of one file as lines: what was compared, its largest relative error, what is allowed. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const outputsFirst = [...comparisons].sort((a, b) => Number(b.kind === 'output') - Number(a.kind === 'output'))
  const rows = outputsFirst.map((c) => [c.kind, c.name, number(c.error), number(c.tolerance), c.pass ? 'ok' : 'OVER'])
  const all = [HEAD, ...rows]
  const widths = HEAD.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, i) => (RIGHT.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ')}`.trimEnd()
  return all.map(line).join('\n')
}

/** Columns of numbers. */
const RIGHT: ReadonlySet<number> = new Set([2, 3])

const number = (x: number): string => (Number.isFinite(x) ? x.toExponential(1) : String(x))
