import type { Ops } from '../ops-interface.ts'
import { range } from '../shape.ts'
import type { Tensor } from '../tensor.ts'

/**
 * Windows whose start differs from one batch element to the next, as compositions: a dynamic slice becomes a gather
 * along each axis, and a dynamic update a gather of the update plus a choice by position.
 */

/** Start of each window along `axis`, i32[N], moved inside. */
function startsAlong(o: Ops, starts: Tensor, axis: number, limit: number): Tensor {
  const n = starts.shape[0]!
  const column = o.reshape(o.slice(starts, [0, axis], [n, axis + 1]), [n])
  return o.minimum(o.maximum(column, 0), limit)
}

/** x [N, ...shape], starts i32[N, rank]: windows [N, ...sizes]. */
export function gatherBatchedStarts(o: Ops, x: Tensor, starts: Tensor, sizes: readonly number[]): Tensor {
  const n = x.shape[0]!
  return sizes.reduce((window, size, axis) => {
    const start = startsAlong(o, starts, axis, x.shape[axis + 1]! - size)
    const indices = o.add(o.broadcastInDim(start, [n, size], [0]), o.iota('i32', [n, size], 1))
    return o.gather(window, indices, { axis: axis + 1, batch: 1 })
  }, x)
}

/** x [N, ...shape], update [N, ...sizes], starts i32[N, rank]: x with each window replaced. */
export function updateBatchedStarts(o: Ops, x: Tensor, update: Tensor, starts: Tensor): Tensor {
  if (update.size === 0) return x
  const [n, ...shape] = x.shape as readonly number[]
  let spread = update
  let inside: Tensor | undefined
  for (const axis of range(shape.length)) {
    const size = update.shape[axis + 1]!
    const extent = shape[axis]!
    const start = startsAlong(o, starts, axis, extent - size)
    const at = o.sub(o.iota('i32', [n!, extent], 1), o.broadcastInDim(start, [n!, extent], [0]))
    const hit = o.and(o.ge(at, 0), o.lt(at, size))
    const hitEverywhere = o.broadcastInDim(hit, x.shape, [0, axis + 1])
    inside = inside ? o.and(inside, hitEverywhere) : hitEverywhere
    spread = o.gather(spread, at, { axis: axis + 1, batch: 1 })
  }
  return inside ? o.where(inside, spread, x) : update
}
