import { isMeasured, type MeasuredRow, type Row } from '../row.ts'
import { columns } from './columns.ts'
import { fastest, threeDigits } from './table.ts'

const HEAD = ['case', 'weft (threads) ms', 'best in JavaScript', 'weft / it', 'best of all', 'weft / it']

/** For each case, weft's fastest row beside the fastest peer's: below 1, weft takes less time. */
export function summary(rows: readonly Row[]): string {
  const names = [...new Set(rows.map((row) => row.case))]
  const lines = names.map((name) => {
    const measured = rows.filter(isMeasured).filter((row) => row.case === name)
    const own = fastest(measured.filter((row) => row.implementation === 'weft'))
    const peers = measured.filter((row) => !row.implementation.startsWith('weft'))
    const script = fastest(peers.filter((row) => row.script))
    return [name, own ? timeOf(own) : '-', ...against(own, script), ...against(own, fastest(peers))]
  })
  return columns([HEAD, ...lines], new Set([1, 3, 5]))
}

function against(own: MeasuredRow | undefined, peer: MeasuredRow | undefined): [string, string] {
  if (!peer) return ['-', '-']
  return [`${peer.implementation} ${timeOf(peer)}`, own ? threeDigits(own.median / peer.median) : '-']
}

const timeOf = ({ threads, median }: MeasuredRow): string => `(${threads}) ${threeDigits(median)}`
