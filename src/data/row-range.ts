import { FileError } from '../util/errors.ts'
import type { RowRange } from './tensor-source.ts'

/** What of a tensor is to be read, as a stretch of its elements in row-major order. */
export interface Stretch {
  readonly shape: readonly number[]
  /** Elements before the first. */
  readonly begin: number
  /** Elements. */
  readonly count: number
}

/**
 * The stretch that `rows` of a tensor of this shape are; all of it where they are not given. `what` names file and tensor.
 * @throws FileError for rows that the tensor does not have.
 */
export function stretchOf(shape: readonly number[], rows: RowRange | undefined, what: string): Stretch {
  const perRow = shape.slice(1).reduce((product, dim) => product * dim, 1)
  const [height = 1] = shape
  if (rows === undefined) return { shape, begin: 0, count: height * perRow }
  const { from, to } = rows
  const whole = Number.isInteger(from) && Number.isInteger(to)
  if (shape.length === 0) throw new FileError(`${what}: a single number has no rows to read`)
  if (!whole || from < 0 || to < from || to > height) {
    throw new FileError(`${what}: rows ${from} to ${to} are not among the ${height} of [${shape}]`)
  }
  return { shape: [to - from, ...shape.slice(1)], begin: from * perRow, count: (to - from) * perRow }
}
