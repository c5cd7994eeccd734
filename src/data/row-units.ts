import { allocate, type DType, type HostArray } from '../ir/dtype.ts'
import { pairHalves } from './rotary-rows.ts'
import { type Stretch, stretchOf } from './row-range.ts'
import type { RowRange } from './tensor-source.ts'

/** How rows are read that cannot be taken one by one. */
interface UnitRows {
  readonly shape: readonly number[]
  /** Rows of a head, where they are in the order of pairs that `pairHalves` changes. */
  readonly headDim: number | undefined
  /** Rows that have to be read together. */
  readonly unit: number
}

interface UnitReading {
  /** What has to be read. */
  readonly stretch: Stretch
  /** The rows that are asked for, in Hugging Face's order, of an array of what was read; it may be changed. */
  settle<D extends DType>(array: HostArray<D>): HostArray<D>
}

/** What has to be read for some rows. `what` names file and tensor. @throws FileError for rows that are not there. */
export function unitReading({ shape, headDim, unit }: UnitRows, rows: RowRange | undefined, what: string): UnitReading {
  if (rows) stretchOf(shape, rows, what) // refuses rows that are not there before they are rounded to units
  const around = rows && wholeUnits(rows, unit, shape[0] ?? 1)
  return {
    stretch: stretchOf(shape, around, what),
    settle(array) {
      if (headDim !== undefined) pairHalves(array, headDim)
      return rows && around ? rowsWithin(array, around, rows) : array
    },
  }
}

/** The rows around `rows` that make up whole units, each of `unit` rows. */
function wholeUnits({ from, to }: RowRange, unit: number, height: number): RowRange {
  return { from: Math.floor(from / unit) * unit, to: Math.min(Math.ceil(to / unit) * unit, height) }
}

/** Of an array that has the rows `around`, the rows `rows`; the array itself if these are all. */
function rowsWithin<D extends DType>(array: HostArray<D>, around: RowRange, rows: RowRange): HostArray<D> {
  if (rows.from === around.from && rows.to === around.to) return array
  const perRow = array.data.length / (around.to - around.from)
  const data = allocate(array.dtype, (rows.to - rows.from) * perRow)
  data.set(array.data.subarray((rows.from - around.from) * perRow, (rows.to - around.from) * perRow))
  return { dtype: array.dtype, shape: [rows.to - rows.from, ...array.shape.slice(1)], data }
}
