import type { Equation, Value } from '../ir/graph.ts'
import { range, stridesOf } from '../ir/shape.ts'

/**
 * A value read as a strided window of a stored one: element i is base[offset + sum of i[a] * strides[a]], which may be of
 * another dtype than the value, with the same number in it.
 */
export interface AffineAccess {
  readonly base: Value
  readonly offset: number
  readonly strides: readonly number[]
}

/**
 * Follows views, reshapes and exact casts from `v` down to a value that is stored (or must be), composing their strides.
 * A reshape that would mix strides ends the walk: the value there is the base.
 */
export function affineAccess(
  v: Value,
  producer: ReadonlyMap<Value, Equation>,
  stored: (v: Value) => boolean,
): AffineAccess {
  const plain: AffineAccess = { base: v, offset: 0, strides: stridesOf(v.type.shape) }
  const e = stored(v) ? undefined : producer.get(v)
  if (!e) return plain
  const { prim } = e
  const input = e.inputs[0]!
  if (prim.kind === 'reshape') {
    const below = affineAccess(input, producer, stored)
    const strides = reshapeStrides(input.type.shape, below.strides, v.type.shape)
    return strides ? { ...below, strides } : plain
  }
  if (prim.kind === 'elementwise' && prim.isExact?.(input.type.dtype, v.type.dtype)) {
    return affineAccess(input, producer, stored)
  }
  if (prim.kind !== 'view') return plain
  const below = affineAccess(input, producer, stored)
  const strides = v.type.shape.map(() => 0)
  let offset = below.offset
  prim.axisMaps(input.type, e.attrs).forEach((m, axis) => {
    offset += m.start * below.strides[axis]!
    if (m.from !== null) strides[m.from]! += m.step * below.strides[axis]!
  })
  return { base: below.base, offset, strides }
}

/** Strides after a reshape that needs no copy, or null. */
function reshapeStrides(from: readonly number[], strides: readonly number[], to: readonly number[]): number[] | null {
  const dims = range(from.length)
    .filter((a) => from[a] !== 1)
    .map((a) => ({ size: from[a]!, stride: strides[a]! }))
  const out = to.map(() => 0)
  let d = 0
  for (let t = 0; t < to.length; ) {
    if (to[t] === 1) {
      t++
      continue
    }
    // The smallest runs of axes on both sides that hold equally many elements.
    let size = dims[d]?.size ?? 1
    const firstDim = d++
    const firstAxis = t
    let wanted = to[t++]!
    while (size !== wanted) {
      if (size < wanted) {
        const next = dims[d++]
        if (!next) return null
        size *= next.size
      } else {
        if (t >= to.length) return null
        wanted *= to[t++]!
      }
    }
    for (let k = firstDim; k + 1 < d; k++) {
      if (dims[k]!.stride !== dims[k + 1]!.stride * dims[k + 1]!.size) return null
    }
    let stride = dims[d - 1]!.stride
    for (let a = t - 1; a >= firstAxis; a--) {
      out[a] = to[a] === 1 ? 0 : stride
      stride *= to[a]!
    }
  }
  return d === dims.length ? out : null
}
