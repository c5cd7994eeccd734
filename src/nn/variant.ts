import { add, and, clip, mul, not, or, reshape, take } from '../ir/ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'

/**
 * Where a score stands, as i32 tensors that broadcast to [B,H,Tq,Tk]: the sample, the query head, the query's position
 * (with the query offset of a cached pass) and the key's.
 */
export interface At {
  readonly batch: Tensor
  readonly head: Tensor
  readonly query: Tensor
  readonly key: Tensor
}

/**
 * True where the query may attend to the key. Masks and scores are elementwise in `at`: arithmetic, comparisons and
 * `lookup`, nothing that mixes positions, so that they mean the same on one element, on a tile or on the whole.
 */
export type Mask = (at: At) => Tensor
/** A new score from the scaled one (f32), finite: what may not be attended to is the mask's business. */
export type Score = (score: Tensor, at: At) => Tensor

/** One softmax over the keys that its mask allows; without a mask, over all. */
export interface SoftmaxGroup {
  readonly mask?: Mask
  readonly score?: Score
}

/** A kind of attention: the output is the sum over groups of softmax(score) V. */
export interface Variant {
  readonly groups: readonly SoftmaxGroup[]
}

/**
 * A variant of one softmax group or several.
 *
 *   const slidingWindow = (w: number) =>
 *     variant({ mask: ({ query, key }) => and(le(key, query), lt(sub(query, key), w)) })
 */
export const variant = (...groups: readonly SoftmaxGroup[]): Variant => ({ groups })

/**
 * x[i0, i1, ...] element by element: how a mask or score reads a captured tensor, as in
 * `lookup(modality, at.batch, at.key)`. The i32 indices broadcast together and give the result its shape; those out of
 * range are clamped, axis by axis.
 *
 * Throws ShapeError unless there is one index per axis of x.
 */
export function lookup(x: Tensor, ...indices: readonly Tensor[]): Tensor {
  const [first, ...rest] = indices.map((index, axis) => clip(index, 0, (x.shape[axis] ?? 0) - 1))
  if (!first || indices.length !== x.rank) {
    failShape(`lookup: ${indices.length} indices into ${formatShape(x.shape)}`, 'give one index tensor per axis')
  }
  const flat = rest.reduce((linear, index, i) => add(mul(linear, x.shape[i + 1]!), index), first)
  return take(reshape(x, [x.size]), flat)
}

/** Allows what every mask allows. */
export const andMasks =
  (...masks: readonly Mask[]): Mask =>
  (at) =>
    masks.map((mask) => mask(at)).reduce((a, b) => and(a, b))

/** Allows what any mask allows. */
export const orMasks =
  (...masks: readonly Mask[]): Mask =>
  (at) =>
    masks.map((mask) => mask(at)).reduce((a, b) => or(a, b))

/** Allows what the mask forbids. */
export const notMask =
  (mask: Mask): Mask =>
  (at) =>
    not(mask(at))

/** The variant with every group narrowed to what the mask allows as well. */
export const restrict = ({ groups }: Variant, narrower: Mask): Variant => ({
  groups: groups.map((group) => ({ ...group, mask: group.mask ? andMasks(group.mask, narrower) : narrower })),
})

/** The variant with a further change of every group's scores, after its own. */
export const rescore = ({ groups }: Variant, further: Score): Variant => ({
  groups: groups.map(({ score, ...group }) => ({
    ...group,
    score: score ? (s, at) => further(score(s, at), at) : further,
  })),
})

/** All groups of several variants: their outputs are added. */
export const addGroups = (...variants: readonly Variant[]): Variant => ({ groups: variants.flatMap((v) => v.groups) })
