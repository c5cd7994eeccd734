import { ShapeError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'

/** Shapes at run time: sizes, row-major. */
export type Dims = readonly number[]

export const sizeOf = (shape: Dims): number => shape.reduce((n, d) => n * d, 1)
export const sameShape = (a: Dims, b: Dims): boolean => a.length === b.length && a.every((d, i) => d === b[i])
export const formatShape = (shape: Dims): string => `[${shape.join(',')}]`
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Row-major strides, in elements. */
export function stridesOf(shape: Dims): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= shape[i]!
  }
  return strides
}

/** @throws ShapeError always; the message carries the user's source line. */
export function failShape(message: string, hint?: string): never {
  throw new ShapeError(message, { at: userLocation(), hint })
}

/** A possibly negative axis as an index into a shape of that rank. */
export function normAxis(op: string, axis: number, rank: number): number {
  const a = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || a < 0 || a >= rank) {
    failShape(`${op}: axis ${axis} is out of range for rank ${rank}`, `use an axis from ${-rank} to ${rank - 1}`)
  }
  return a
}

/** Axes as a sorted list without repeats; undefined means all. */
export function normAxes(op: string, axes: number | Dims | undefined, rank: number): number[] {
  if (axes === undefined) return range(rank)
  const list = (typeof axes === 'number' ? [axes] : axes).map((a) => normAxis(op, a, rank))
  if (new Set(list).size !== list.length) failShape(`${op}: axes ${formatShape(list)} repeat`, 'name each axis once')
  return list.sort((x, y) => x - y)
}

/** NumPy broadcasting of two shapes. */
export function broadcastShapes(op: string, a: Dims, b: Dims): number[] {
  const rank = Math.max(a.length, b.length)
  return range(rank).map((i) => {
    const x = a[i - rank + a.length] ?? 1
    const y = b[i - rank + b.length] ?? 1
    if (x !== y && x !== 1 && y !== 1) {
      failShape(
        `${op}: cannot broadcast ${formatShape(a)} with ${formatShape(b)}`,
        `dimensions ${x} and ${y} differ and neither is 1`,
      )
    }
    return x === 1 ? y : x
  })
}
