import type { Tensor } from '@tensorflow/tfjs-core'
import type { Prepared } from '../implementation.ts'
import type { Inputs } from '../inputs.ts'
import { CHECKED_STEPS, LEARNING_RATE, WEIGHT_DECAY } from '../problem.ts'
import { finish, floatsOf, tfTensor } from './tf-calls.ts'
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

/** Updates by gradients that are given. */
export function prepareTfAdamw(inputs: Inputs): Prepared {
  const names = Object.keys(inputs).filter((name) => !name.startsWith('gradient.'))
  const weights = names.map((name) => tfTensor(inputs[name]!))
  const gradients = names.map((name) => tfTensor(inputs[`gradient.${name}`]!))
  const begin = () => ({ weights: weights.map((w) => w.clone()), state: zeroState(weights) })
  let now = begin()
  const next = async (): Promise<void> => {
    const before = now
    now = tf.tidy(() => {
      const [weights, state] = adamwUpdate(before.weights, gradients, before.state)
      return { weights, state }
    })
    tf.dispose(before)
    await finish()
  }
  return {
    run: next,
    async outputs() {
      tf.dispose(now)
      now = begin()
      for (let i = 0; i < CHECKED_STEPS; i++) await next()
      const last = names.length - 1
      return {
        [names[0]!]: await floatsOf(now.weights[0]!.clone()),
        [names[last]!]: await floatsOf(now.weights[last]!.clone()),
      }
    },
    dispose() {
      tf.dispose([weights, gradients])
      tf.dispose(now)
    },
  }
}
