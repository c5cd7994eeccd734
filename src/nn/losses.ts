import {
  argmax,
  cast,
  div,
  eq,
  expandDims,
  logSoftmax,
  maximum,
  mul,
  ne,
  neg,
  squeeze,
  sum,
  takeAlongAxis,
  where,
} from '../ir/ops.ts'
import { failShape, formatShape, sameShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'

/** The label of what is left out. */
export const IGNORE = -100

/**
 * Mean of -log softmax(logits)[label] over the labels that are not IGNORE: logits [...,V], labels i32 [...] -> f32 [].
 * 0, with gradients of 0, where all are. Computed in f32. @throws ShapeError where the shapes do not fit.
 */
export function crossEntropy(logits: Tensor, labels: Tensor): Tensor {
  checkLabels('crossEntropy', logits, labels)
  const counted = ne(labels, IGNORE)
  const logProbs = logSoftmax(cast(logits, 'f32'), -1)
  const picked = squeeze(takeAlongAxis(logProbs, expandDims(where(counted, labels, 0), -1), -1), -1)
  return meanWhere(counted, neg(picked))
}

/**
 * Cross-entropy against a distribution: logits [...,V], target [...,V], whose rows sum to 1, or to 0 where a row is
 * left out -> f32 [], the mean over the other rows. Computed in f32. @throws ShapeError where the shapes differ.
 */
export function softCrossEntropy(logits: Tensor, target: Tensor): Tensor {
  if (!sameShape(logits.shape, target.shape)) {
    failShape(`softCrossEntropy: logits ${formatShape(logits.shape)}, target ${formatShape(target.shape)}`, 'one shape')
  }
  const wanted = cast(target, 'f32')
  const total = neg(sum(mul(logSoftmax(cast(logits, 'f32'), -1), wanted)))
  return div(total, maximum(sum(wanted), 1))
}

/** Share of the labels that are not IGNORE where the greatest logit is the label's, f32 []; shapes as crossEntropy. */
export function accuracy(logits: Tensor, labels: Tensor): Tensor {
  checkLabels('accuracy', logits, labels)
  return meanWhere(ne(labels, IGNORE), cast(eq(argmax(logits), labels), 'f32'))
}

const meanWhere = (counted: Tensor, values: Tensor): Tensor =>
  div(sum(where(cast(counted, 'bool'), values, 0)), maximum(sum(cast(counted, 'f32')), 1))

function checkLabels(what: string, logits: Tensor, labels: Tensor): void {
  if (!sameShape(logits.shape.slice(0, -1), labels.shape)) {
    failShape(`${what}: logits ${formatShape(logits.shape)}, labels ${formatShape(labels.shape)}`, 'one label per row')
  }
}
