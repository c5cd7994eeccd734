/** Bytes with one decimal, in powers of ten as memory is sold: `6.7 GB`, `262.1 MB`. */
export const bytesText = (bytes: number): string => scaled(bytes, ['B', 'kB', 'MB', 'GB', 'TB'])

/** A count with one decimal: `6.7 B` of parameters. */
export const countText = (count: number): string => scaled(count, ['', 'K', 'M', 'B', 'T'])

/** `13.2 GFLOP` */
export const flopsText = (flops: number): string => scaled(flops, ['FLOP', 'kFLOP', 'MFLOP', 'GFLOP', 'TFLOP', 'PFLOP'])

const BINARY = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const

/** A limit of a device, mostly a power of two: `128 MiB`. */
export function limitText(bytes: number): string {
  const [unit, size] = BINARY.find(([, size]) => bytes % size === 0) ?? []
  return unit === undefined || size === undefined ? bytesText(bytes) : `${bytes / size} ${unit}`
}

function scaled(value: number, units: readonly string[]): string {
  let unit = 0
  let x = value
  while (Math.abs(x) >= 999.95 && unit < units.length - 1) {
    x /= 1000
    unit++
  }
  return `${unit === 0 ? x : x.toFixed(1)} ${units[unit]}`.trim()
}

/**
 * Rows under a title, the first column on the left and the others on the right; a cell at the end that begins with a
 * space is a remark, and stands on the left.
 */
export function table(title: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [title, ...rows]
  const columns = Math.max(...all.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...all.map((row) => (isRemark(row[i]) ? 0 : (row[i]?.length ?? 0)))),
  )
  const cell = (text: string, i: number): string =>
    i === 0 || isRemark(text) ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)
  const line = (row: readonly string[], indent: string): string => `${indent}${row.map(cell).join('  ')}`.trimEnd()
  // The title hangs to the left of its rows.
  const head = title.map((text, i) => (i === 0 ? text.padEnd(widths[0]! + 2) : text.padStart(widths[i]!))).join('  ')
  return `${[head.trimEnd(), ...rows.map((row) => line(row, '  '))].join('\n')}\n`
}

const isRemark = (text: string | undefined): boolean => text?.startsWith(' ') === true
