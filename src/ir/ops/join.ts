import type { DType } from '../dtype.ts'
import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape, normAxis, range } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { AnyDims, Dim, Shape } from '../types.ts'
import type { AxesCheck, ReplaceAxis } from './axis-types.ts'
import type { ConcatCheck, FirstDType, FirstShape, StackCheck } from './join-types.ts'
import type { ExpandCheck, Expanded } from './layout-types.ts'

/**
 * xs [...P, Ni, ...Q] -> [...P, N1 + N2 + ..., ...Q]: one after another along `axis`, by default the first.
 * @throws ShapeError where other dimensions differ; DTypeError where dtypes do.
 */
export function concat<const T extends readonly Tensor[], const X extends number = 0>(
  xs: { [I in keyof T]: T[I] & ConcatCheck<T, I, X> },
  axis?: X & AxesCheck<'concat', FirstShape<T>, X>,
): Tensor<ReplaceAxis<FirstShape<T>, X, Dim>, FirstDType<T>>
export function concat(xs: readonly Tensor[], axis = 0): Tensor {
  return o.concat(xs, axis)
}

/**
 * N tensors xs [...S] -> S with a new axis of size N at `axis`, by default the first.
 * @throws ShapeError where shapes differ; DTypeError where dtypes do.
 */
export function stack<const T extends readonly Tensor[], const X extends number = 0>(
  xs: { [I in keyof T]: T[I] & StackCheck<T, I> },
  axis?: X & ExpandCheck<'stack', FirstShape<T>, X>,
): Tensor<Expanded<FirstShape<T>, X, T['length']>, FirstDType<T>>
export function stack(xs: readonly Tensor[], axis = 0): Tensor {
  if (xs.length === 0) failShape('stack: no tensors given', 'give at least one')
  const at = normAxis('stack', axis, xs[0]!.rank + 1)
  return o.concat(
    xs.map((x) => o.expandDims(x, at)),
    at,
  )
}

/**
 * x [...P, N, ...Q] -> parts [...P, Ni, ...Q] along `axis`, by default the first: so many equal ones, or of these sizes.
 * @throws ShapeError if the parts do not make up the axis.
 */
export function split<S extends Shape, D extends DType, const X extends number = 0>(
  x: Tensor<S, D>,
  parts: number | readonly number[],
  axis?: X & AxesCheck<'split', S, X>,
): Tensor<ReplaceAxis<S, X, Dim>, D>[]
export function split(x: Tensor, parts: number | readonly number[], axis = 0): Tensor[] {
  const a = normAxis('split', axis, x.rank)
  const n = x.shape[a]!
  const sizes = typeof parts === 'number' ? range(parts).map(() => n / parts) : parts
  if (!sizes.every((s) => Number.isInteger(s) && s >= 0) || sizes.reduce((s, t) => s + t, 0) !== n) {
    failShape(
      `split: axis ${a} of ${formatShape(x.shape)} into ${typeof parts === 'number' ? `${parts} equal parts` : formatShape(parts)}`,
      `the parts must make up ${n}`,
    )
  }
  let at = 0
  return sizes.map((size) => {
    const start = at
    at += size
    return o.slice(
      x,
      x.shape.map((_, k) => (k === a ? start : 0)),
      x.shape.map((m, k) => (k === a ? start + size : m)),
    )
  })
}

/** x [...S] -> each element `count` times along `axis`, copies side by side. @throws ShapeError for an axis out of range. */
export function repeat<S extends Shape, D extends DType, const X extends number>(
  x: Tensor<S, D>,
  count: number,
  axis: X & AxesCheck<'repeat', S, X>,
): Tensor<ReplaceAxis<S, X, Dim>, D>
export function repeat(x: Tensor, count: number, axis: number): Tensor {
  const a = normAxis('repeat', axis, x.rank)
  const shape = [...x.shape]
  const copied = o.broadcastTo(o.expandDims(x, a + 1), [...shape.slice(0, a + 1), count, ...shape.slice(a + 1)])
  return o.reshape(
    copied,
    shape.map((n, k) => (k === a ? n * count : n)),
  )
}

/** x [...S] -> x repeated counts[a] times along each axis, copy after copy. @throws ShapeError unless one per axis. */
export function tile<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  counts: readonly number[],
): Tensor<AnyDims<S>, D>
export function tile(x: Tensor, counts: readonly number[]): Tensor {
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
