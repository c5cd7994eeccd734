import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'

type Sizes = readonly number[]

export const { reshape, transpose, moveAxis, expandDims, squeeze, broadcastTo, slice, flip, pad } = o

/**
 * Restates the shape of x, verified when traced; a name stands for any size.
 * @throws ShapeError where rank or a size differs, or a name has two sizes.
 */
export function is(x: Tensor, ...dims: readonly (number | string)[]): Tensor {
  const names = new Map<string, number>()
  const fits =
    dims.length === x.rank &&
    dims.every((d, a) => {
      const expected = typeof d === 'number' ? d : (names.get(d) ?? x.shape[a]!)
      if (typeof d === 'string') names.set(d, expected)
      return x.shape[a] === expected
    })
  if (!fits)
    failShape(`is: expected [${dims.join(',')}], got ${formatShape(x.shape)}`, 'mend the shape or the statement')
  return x
}

/** One axis of `index`: a position (its axis vanishes), a range [start, stop) or [start, stop, step], or null for all. */
export type IndexItem = number | readonly [number, number] | readonly [number, number, number] | null

/**
 * Basic indexing, as NumPy's x[3, 1:4, :]: index(x, 3, [1, 4], null). Negative positions count from the end; axes
 * without an item are kept whole. @throws ShapeError for a position or range outside the axis.
 */
export function index(x: Tensor, ...items: readonly IndexItem[]): Tensor {
  if (items.length > x.rank)
    failShape(`index: ${items.length} items for ${formatShape(x.shape)}`, 'give at most one per axis')
  const bounds = x.shape.map((n, a): readonly [number, number, number] => {
    const item = items[a] ?? null
    if (item === null) return [0, n, 1]
    if (typeof item === 'number') {
      const at = item < 0 ? item + n : item
      if (!Number.isInteger(at) || at < 0 || at >= n) {
        failShape(`index: position ${item} is outside axis ${a} of ${formatShape(x.shape)}`, `use ${-n} to ${n - 1}`)
      }
      return [at, at + 1, 1]
    }
    const [start, stop, step = 1] = item
    return [start < 0 ? start + n : start, stop < 0 ? stop + n : stop, step]
  })
  const part = o.slice(
    x,
    bounds.map(([start]) => start),
    bounds.map(([, stop]) => stop),
    bounds.map(([, , step]) => step),
  )
  return o.squeeze(
    part,
    items.flatMap((item, a) => (typeof item === 'number' ? [a] : [])),
  )
}

/** x [...S] repeated `counts[a]` times along each axis, copies one after another. */
export function tile(x: Tensor, counts: Sizes): Tensor {
  if (counts.length !== x.rank) {
    failShape(`tile: ${formatShape(counts)} on ${formatShape(x.shape)}`, 'give one count per axis')
  }
  const paired = o.reshape(
    x,
    x.shape.flatMap((n) => [1, n]),
  )
  const copied = o.broadcastTo(
    paired,
    x.shape.flatMap((n, a) => [counts[a]!, n]),
  )
  return o.reshape(
    copied,
    x.shape.map((n, a) => n * counts[a]!),
  )
}
