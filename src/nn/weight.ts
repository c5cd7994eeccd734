import { type FloatDType, isFloat } from '../ir/dtype.ts'
import { add, cast, concat, dotGeneral, expandDims, ge, mul, sub, take, where } from '../ir/ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { DTypeError } from '../util/errors.ts'
import { dequantise, mapQuantised, type QuantisedWeight, quantisedShape } from './quantised.ts'

/** W + scale * up * down: a weight [O,I] with an adapter of rank R. Source: LoRA (arXiv:2106.09685), section 4.1. */
export type LowRankWeight = {
  readonly base: Weight
  /** [R,I] */
  readonly down: Tensor
  /** [O,R] */
  readonly up: Tensor
  /** [] */
  readonly scale: Tensor
}

/** The rows of a weight [O,I] in several pieces, for devices that cannot bind the whole at once. */
export type SplitWeight = {
  readonly parts: readonly Weight[]
}

/** A matrix [O,I] in any form that `linear` multiplies by. What it is made of are tensors, so trees of it are trees. */
export type Weight = Tensor | QuantisedWeight | LowRankWeight | SplitWeight

/** [O,I]. Throws ShapeError for a tensor that is no matrix, and for pieces that do not fit each other. */
export function weightShape(weight: Weight): readonly [O: number, I: number] {
  if (isTensor(weight)) {
    if (weight.rank !== 2) failShape(`a weight of ${formatShape(weight.shape)}`, 'weights are matrices [out, in]')
    return [weight.shape[0]!, weight.shape[1]!]
  }
  if ('base' in weight) return lowRankShape(weight)
  if ('parts' in weight) return splitShape(weight)
  return quantisedShape(weight)
}

/** x [..., I] times the transpose of a weight [O,I]: [..., O], in x's dtype. */
export function multiply(x: Tensor, weight: Weight): Tensor {
  if (isTensor(weight)) return dotGeneral(x, cast(weight, x.dtype), { lhsContract: [x.rank - 1], rhsContract: [1] })
  if ('base' in weight) {
    const adapted = multiply(multiply(x, weight.down), weight.up)
    return add(multiply(x, weight.base), mul(adapted, cast(weight.scale, x.dtype)))
  }
  if ('parts' in weight) {
    return concat(
      weight.parts.map((part) => multiply(x, part)),
      -1,
    )
  }
  // In f32, whatever x is: that takes no more memory, as both are converted where they are read.
  return cast(multiply(cast(x, 'f32'), dequantise(weight, 'f32')), x.dtype)
}

/** Rows of a weight [V,D] for i32 ids [...]: [..., D], in the dtype of the weight (of the scales, if it is quantised). */
export function rows(weight: Weight, ids: Tensor): Tensor {
  if (isTensor(weight)) return take(weight, ids)
  if ('base' in weight) {
    const up = take(weight.up, ids)
    const base = rows(weight.base, ids)
    const adapted = dotGeneral(up, weight.down, { lhsContract: [up.rank - 1], rhsContract: [0] })
    return add(base, cast(mul(adapted, cast(weight.scale, adapted.dtype)), base.dtype))
  }
  if ('parts' in weight) return splitRows(weight, ids)
  return dequantise(mapQuantised(weight, (x) => take(x, ids)))
}

/**
 * The dtype of the rows that `rows` gives. A model computes in that of its table of tokens.
 *
 * Throws DTypeError for a table of integers.
 */
export function rowDtype(weight: Weight): FloatDType {
  if (isTensor(weight)) {
    if (isFloat(weight.dtype)) return weight.dtype
    throw new DTypeError(`a table of ${weight.dtype}`, { hint: 'weights are f32 or f16, or quantised' })
  }
  if ('base' in weight) return rowDtype(weight.base)
  if ('parts' in weight)
    return rowDtype(weight.parts[0] ?? failShape('a weight split into no pieces', 'give at least one'))
  return rowDtype(weight.scales)
}

/** Each piece is asked for all ids, those of others clamped, and the right answer selected. */
function splitRows({ parts }: SplitWeight, ids: Tensor): Tensor {
  let begin = 0
  let found: Tensor | undefined
  for (const part of parts) {
    const own = rows(part, sub(ids, begin))
    found = found ? where(expandDims(ge(ids, begin), -1), own, found) : own
    begin += weightShape(part)[0]
  }
  return found ?? failShape('embedding: a weight split into no pieces', 'give at least one')
}

function lowRankShape({ base, down, up }: LowRankWeight): readonly [O: number, I: number] {
  const [O, I] = weightShape(base)
  if (down.rank !== 2 || up.rank !== 2 || down.shape[1] !== I || up.shape[0] !== O || up.shape[1] !== down.shape[0]) {
    failShape(
      `an adapter ${formatShape(up.shape)} x ${formatShape(down.shape)} for a weight [${O},${I}]`,
      'down is [rank, in] and up [out, rank]',
    )
  }
  return [O, I]
}

function splitShape({ parts }: SplitWeight): readonly [O: number, I: number] {
  const shapes = parts.map(weightShape)
  const I = shapes[0]?.[1]
  if (I === undefined || shapes.some((shape) => shape[1] !== I)) {
    failShape(
      `a weight split into ${shapes.map(formatShape).join(', ') || 'no pieces'}`,
      'pieces are rows of one matrix, of equal width',
    )
  }
  return [shapes.reduce((sum, [O]) => sum + O, 0), I]
}
