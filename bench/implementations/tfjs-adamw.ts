import type { Tensor } from '@tensorflow/tfjs-core'
import { LEARNING_RATE, WEIGHT_DECAY } from '../problem.ts'
import { tf } from './tf-module.ts'

/** A type, and not readonly, as TensorFlow.js wants what `tidy` returns. */
export type TrainingState = {
  /** Steps made. */
  step: number
  mean: Tensor[]
  variance: Tensor[]
}

export const zeroState = (weights: readonly Tensor[]): TrainingState => ({
  step: 0,
  mean: weights.map((w) => tf.zerosLike(w)),
  variance: weights.map((w) => tf.zerosLike(w)),
})

const B1 = 0.9
const B2 = 0.999
const EPS = 1e-8

/** AdamW as PyTorch computes it; TensorFlow.js brings Adam alone. */
export function adamwUpdate(
  weights: readonly Tensor[],
  gradients: readonly Tensor[],
  state: TrainingState,
): [Tensor[], TrainingState] {
  const step = state.step + 1
  const size = 1 - B1 ** step
  const root = Math.sqrt(1 - B2 ** step)
  const mean = state.mean.map((m, i) => tf.add(tf.mul(m, B1), tf.mul(gradients[i]!, 1 - B1)))
  const variance = state.variance.map((v, i) => tf.add(tf.mul(v, B2), tf.mul(tf.square(gradients[i]!), 1 - B2)))
  const updated = weights.map((w, i) => {
    const along = tf.div(tf.mul(mean[i]!, LEARNING_RATE / size), tf.add(tf.div(tf.sqrt(variance[i]!), root), EPS))
    return tf.sub(tf.mul(w, 1 - LEARNING_RATE * WEIGHT_DECAY), along)
  })
  return [updated, { step, mean, variance }]
}
