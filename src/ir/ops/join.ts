import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape, normAxis, range } from '../shape.ts'
import type { Tensor } from '../tensor.ts'

/** Tensors one after another along `axis`; the other dimensions must be equal. @throws ShapeError, DTypeError */
export const concat = (xs: readonly Tensor[], axis = 0): Tensor => o.concat(xs, axis)

/** Tensors of one shape along a new axis. @throws ShapeError, DTypeError */
export function stack(xs: readonly Tensor[], axis = 0): Tensor {
  if (xs.length === 0) failShape('stack: no tensors given', 'give at least one')
  const at = normAxis('stack', axis, xs[0]!.rank + 1)
  return o.concat(
    xs.map((x) => o.expandDims(x, at)),
    at,
  )
}

/**
 * x in parts along `axis`: a number of equal parts, or the size of each.
 * @throws ShapeError if the parts do not make up the axis.
 */
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

/** Each element `count` times along `axis`, copies next to each other (NumPy's repeat). */
export function repeat(x: Tensor, count: number, axis: number): Tensor {
  const a = normAxis('repeat', axis, x.rank)
  const shape = [...x.shape]
  const copied = o.broadcastTo(o.expandDims(x, a + 1), [...shape.slice(0, a + 1), count, ...shape.slice(a + 1)])
  return o.reshape(
    copied,
    shape.map((n, k) => (k === a ? n * count : n)),
  )
}
