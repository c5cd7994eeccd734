import { rawOps as o } from '../raw-ops.ts'
import type { Tensor } from '../tensor.ts'

/** A tensor with a label on each axis; equal labels are the same index. No label repeats within one operand. */
export interface Labelled {
  readonly x: Tensor
  readonly labels: readonly string[]
}

/** The tensor with its labels in another order. */
export const reorder = ({ x, labels }: Labelled, order: readonly string[]): Tensor =>
  o.transpose(
    x,
    order.map((label) => labels.indexOf(label)),
  )

/**
 * Product of two labelled tensors, summed over the labels that are in both and not in `keep`. One `dot` equation,
 * or an elementwise product where nothing is summed. Labels that only one operand has must be in `keep`.
 */
export function contractPair(a: Labelled, b: Labelled, keep: ReadonlySet<string>): Labelled {
  const shared = a.labels.filter((label) => b.labels.includes(label))
  const batch = shared.filter((label) => keep.has(label))
  const summed = shared.filter((label) => !keep.has(label))
  const labels = [
    ...batch,
    ...a.labels.filter((label) => !shared.includes(label)),
    ...b.labels.filter((label) => !shared.includes(label)),
  ]
  if (summed.length === 0) return { x: o.mul(spread(a, labels), spread(b, labels)), labels }
  const axes = (t: Labelled, of: readonly string[]): number[] => of.map((label) => t.labels.indexOf(label))
  const x = o.dot(a.x, b.x, {
    lhsContract: axes(a, summed),
    rhsContract: axes(b, summed),
    lhsBatch: axes(a, batch),
    rhsBatch: axes(b, batch),
  })
  return { x, labels }
}

/** The tensor with its axes where `labels` has them, and axes of size 1 for the labels it lacks. */
function spread(t: Labelled, labels: readonly string[]): Tensor {
  const own = labels.filter((label) => t.labels.includes(label))
  const ordered = reorder(t, own)
  return o.reshape(
    ordered,
    labels.map((label) => ordered.shape[own.indexOf(label)] ?? 1),
  )
}
