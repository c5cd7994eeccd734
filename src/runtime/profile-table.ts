import type { KernelTime } from './device.ts'

interface Row {
  name: string
  count: number
  nanoseconds: number
  flops: number
  bytes: number
}

const HEADINGS = ['count', 'total ms', 'share', 'GFLOP/s', 'GB/s']

/**
 * Kernel times summed by kernel (or by label: by what each computes), the longest first, as text in columns. Rates are
 * those of the steps' known flops and bytes; `-` where not known.
 */
export function profileTable(times: readonly KernelTime[], by: 'kernel' | 'label' = 'kernel'): string {
  const rows = new Map<string, Row>()
  const total: Row = { name: 'total', count: 0, nanoseconds: 0, flops: 0, bytes: 0 }
  for (const time of times) {
    const name = time[by]
    const row = rows.get(name) ?? { name, count: 0, nanoseconds: 0, flops: 0, bytes: 0 }
    rows.set(name, row)
    add(row, time)
    add(total, time)
  }
  const sorted = [...rows.values()].sort((a, b) => b.nanoseconds - a.nanoseconds || (a.name < b.name ? -1 : 1))
  const lines = [...sorted, total].map((row) => [row.name, ...cells(row, total.nanoseconds)])
  return alignColumns([[by, ...HEADINGS], ...lines])
}

function add(row: Row, time: KernelTime): void {
  row.count++
  row.nanoseconds += time.nanoseconds
  row.flops += time.flops
  row.bytes += time.bytes
}

function cells(row: Row, total: number): string[] {
  const share = total === 0 ? 0 : (100 * row.nanoseconds) / total
  // One operation, or byte, per nanosecond is a billion per second.
  const rate = (amount: number) => (amount === 0 || row.nanoseconds === 0 ? '-' : (amount / row.nanoseconds).toFixed(2))
  return [
    String(row.count),
    (row.nanoseconds / 1e6).toFixed(3),
    `${share.toFixed(1)}%`,
    rate(row.flops),
    rate(row.bytes),
  ]
}

/** The first column to the left, numbers to the right. */
function alignColumns(table: readonly (readonly string[])[]): string {
  const widths = (table[0] ?? []).map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)))
  const pad = (cell: string, i: number) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))
  return table.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}
