import type { DType } from '../dtype.ts'
import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape, sameShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { AnyDims, Shape, ShapeMismatch, Show } from '../types.ts'
import type { Axes, AxesCheck, Reduced } from './axis-types.ts'
import type { Clash } from './broadcast-types.ts'
import type {
  ExpandCheck,
  Expanded,
  Indexed,
  IndexItem,
  Moved,
  PermCheck,
  Permuted,
  Reshaped,
  SqueezeCheck,
} from './layout-types.ts'

type Sizes = readonly number[]

/**
 * x [...S] -> [...shape], the same elements in row-major order; one dimension may be -1, and is then worked out.
 * @throws ShapeError where the number of elements differs.
 */
export function reshape<D extends DType, const T extends Sizes>(x: Tensor<Shape, D>, shape: T): Tensor<Reshaped<T>, D>
export function reshape(x: Tensor, shape: Sizes): Tensor {
  return o.reshape(x, shape)
}

/**
 * x [...S] -> its axes in the order `perm`; reversed if absent.
 * @throws ShapeError unless `perm` names each axis once.
 */
export function transpose<S extends Shape, D extends DType, const P extends Sizes | undefined = undefined>(
  x: Tensor<S, D>,
  perm?: P & PermCheck<S, P>,
): Tensor<Permuted<S, P>, D>
export function transpose(x: Tensor, perm?: Sizes): Tensor {
  return o.transpose(x, perm)
}

/** x [...S] -> the axis `from` at position `to`, the others in order. @throws ShapeError for an axis out of range. */
export function moveAxis<S extends Shape, D extends DType, const F extends number, const T extends number>(
  x: Tensor<S, D>,
  from: F & AxesCheck<'moveAxis', S, F>,
  to: T & AxesCheck<'moveAxis', S, T>,
): Tensor<Moved<S, F, T>, D>
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  return o.moveAxis(x, from, to)
}

/** x [...S] -> new axes of size 1 at the positions `axes` of the result. @throws ShapeError for one out of range. */
export function expandDims<S extends Shape, D extends DType, const X extends Axes>(
  x: Tensor<S, D>,
  axes: X & ExpandCheck<'expandDims', S, X>,
): Tensor<Expanded<S, X>, D>
export function expandDims(x: Tensor, axes: Axes): Tensor {
  return o.expandDims(x, axes)
}

/** x [...S] -> S without `axes`, which must have size 1. @throws ShapeError for one that has not, or is out of range. */
export function squeeze<S extends Shape, D extends DType, const X extends Axes>(
  x: Tensor<S, D>,
  axes: X & SqueezeCheck<S, X>,
): Tensor<Reduced<S, X, false>, D>
export function squeeze(x: Tensor, axes: Axes): Tensor {
  return o.squeeze(x, axes)
}

type BroadcastToCheck<S extends Shape, T extends Shape> = [Clash<S, T>] extends [never]
  ? unknown
  : ShapeMismatch<`broadcastTo: [${Show<S>}] does not broadcast to [${Show<T>}] - ${Clash<S, T>}`>

/**
 * x [...S] -> [...shape]: dimensions are matched from the right; each must be equal, or 1 and is repeated.
 * @throws ShapeError where one is neither.
 */
export function broadcastTo<S extends Shape, D extends DType, const T extends Sizes>(
  x: Tensor<S, D>,
  shape: T & BroadcastToCheck<S, T>,
): Tensor<T, D>
export function broadcastTo(x: Tensor, shape: Sizes): Tensor {
  return o.broadcastTo(x, shape)
}

/**
 * x [...S] -> the elements from starts[a] to before stops[a] by steps[a] along each axis.
 * @throws ShapeError unless 0 <= start <= stop <= size and step >= 1, for every axis.
 */
export function slice<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  starts: Sizes,
  stops: Sizes,
  steps?: Sizes,
): Tensor<AnyDims<S>, D>
export function slice(x: Tensor, starts: Sizes, stops: Sizes, steps?: Sizes): Tensor {
  return o.slice(x, starts, stops, steps)
}

/** x [...S] -> [...S], its elements in reverse order along `axes`. @throws ShapeError for an axis out of range. */
export function flip<S extends Shape, D extends DType, const X extends Axes>(
  x: Tensor<S, D>,
  axes: X & AxesCheck<'flip', S, X>,
): Tensor<S, D>
export function flip(x: Tensor, axes: Axes): Tensor {
  return o.flip(x, axes)
}

export interface PadOptions {
  /** What the new elements are; 0 unless said. */
  readonly value?: number
  /** New elements between neighbours along each axis. */
  readonly interior?: Sizes
}

/**
 * x [...S] -> low[a] new elements before and high[a] after x along each axis.
 * @throws ShapeError unless there is a count of 0 or more for every axis.
 */
export function pad<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  low: Sizes,
  high: Sizes,
  options?: PadOptions,
): Tensor<AnyDims<S>, D>
export function pad(x: Tensor, low: Sizes, high: Sizes, options?: PadOptions): Tensor {
  return o.pad(x, low, high, options)
}

/**
 * x -> x, its shape restated: is(x, 'B', 'T', 64) is verified when traced; a name stands for any size.
 * @throws ShapeError where rank or a size differs, or a name has two sizes.
 */
export function is<D extends DType, const S extends Shape>(x: Tensor<Shape, D>, ...dims: S): Tensor<S, D>
export function is(x: Tensor, ...dims: Shape): Tensor {
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

/**
 * x, y of one shape [...S] -> x, typed with the shape of y: for a function that gives back the shape it was given.
 * @throws ShapeError where the shapes differ.
 */
export function like<S extends Shape, D extends DType>(x: Tensor<Shape, D>, y: Tensor<S>): Tensor<S, D>
export function like(x: Tensor, y: Tensor): Tensor {
  if (!sameShape(x.shape, y.shape)) failShape(`like: ${formatShape(x.shape)} is not ${formatShape(y.shape)}`)
  return x
}

/**
 * x [...S] -> basic indexing, as NumPy's x[3, 1:4, :]: index(x, 3, [1, 4], null). Negative positions count from the end;
 * axes without an item are kept whole. @throws ShapeError for a position or range outside the axis.
 */
export function index<S extends Shape, D extends DType, const X extends readonly IndexItem[]>(
  x: Tensor<S, D>,
  ...items: X
): Tensor<Indexed<S, X>, D>
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

export type { IndexItem }
