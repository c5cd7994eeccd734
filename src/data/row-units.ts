import { allocate, type DType, type HostArray } from '../../ir/dtype.ts'
import type { RowRange } from '../tensor-source.ts'

/** The rows around `rows` that make up whole units, each of `unit` rows. */
export function wholeUnits({ from, to }: RowRange, unit: number, height: number): RowRange {
  return { from: Math.floor(from / unit) * unit, to: Math.min(Math.ceil(to / unit) * unit, height) }
}

/** Of an array that has the rows `around`, the rows `rows`; the array itself if these are all. */
export function rowsWithin<D extends DType>(array: HostArray<D>, around: RowRange, rows: RowRange): HostArray<D> {
  if (rows.from === around.from && rows.to === around.to) return array
  const perRow = array.data.length / (around.to - around.from)
  const data = allocate(array.dtype, (rows.to - rows.from) * perRow)
  data.set(array.data.subarray((rows.from - around.from) * perRow, (rows.to - around.from) * perRow))
  return { dtype: array.dtype, shape: [rows.to - rows.from, ...array.shape.slice(1)], data }
}
