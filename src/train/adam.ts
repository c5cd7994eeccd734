import { add, cast, div, exp, full, ge, mul, neg, sqrt, square, sub, where, zeros } from '../ir/ops.ts'
import {
  checkRange,
  firstStep,
  nextStep,
  type Optimizer,
  rateAt,
  type Scalar,
  type Schedule,
  type Step,
} from './optimizer.ts'
import { mapTree, mapTreeWithPath, type TensorTree, tensorTree } from './tree-map.ts'

export interface AdamOptions {
  readonly learningRate: number | Schedule
  /** Decay of the mean of gradients. */
  readonly b1?: number
  /** Decay of the mean of their squares. */
  readonly b2?: number
  /** Added to the root, against division by nearly nothing. */
  readonly eps?: number
}

export interface AdamWOptions extends AdamOptions {
  /** Share of each parameter taken away per step, times the learning rate; 0.01 unless said. */
  readonly weightDecay?: number
  /** Which parameters decay, by path (`layers[0].norm.weight`); all unless said. */
  readonly mask?: (path: string) => boolean
}

export interface AdamState {
  readonly step: Step
  /** Running means of the gradients and of their squares, as the parameters, in f32. */
  readonly mean: TensorTree
  readonly variance: TensorTree
}

/** AdamW without weight decay. Source: Kingma and Ba, arXiv:1412.6980. @throws ValueError as `adamw` does. */
export const adam = (options: AdamOptions): Optimizer<AdamState> => build('adam', { ...options, weightDecay: 0 })

/**
 * Adam with decoupled weight decay: parameters shrink by learningRate weightDecay each, apart from the gradients.
 * The means are kept and the updates computed in f32, whatever the dtype of the parameters.
 *
 * Sources: Loshchilov and Hutter, arXiv:1711.05101; PyTorch's torch.optim.AdamW.
 * @throws ValueError for a negative rate, decay or eps, or b1 or b2 outside [0, 1).
 */
export const adamw = (options: AdamWOptions): Optimizer<AdamState> => build('adamw', options)

function build(name: string, options: AdamWOptions): Optimizer<AdamState> {
  const { learningRate, b1 = 0.9, b2 = 0.999, eps = 1e-8, weightDecay = 0.01, mask = () => true } = options
  checkRange(`${name}: learningRate`, learningRate, 0)
  checkRange(`${name}: b1`, b1, 0, 1)
  checkRange(`${name}: b2`, b2, 0, 1)
  checkRange(`${name}: eps`, eps, 0)
  checkRange(`${name}: weightDecay`, weightDecay, 0)
  return {
    init: (params) => ({
      step: firstStep(),
      mean: tensorTree(mapTree((p) => zeros(p.shape), params)),
      variance: tensorTree(mapTree((p) => zeros(p.shape), params)),
    }),
    update(grads, state, params) {
      const mean = mapTree((m, g) => add(mul(m, b1), mul(cast(g, 'f32'), 1 - b1)), state.mean, grads)
      const variance = mapTree((v, g) => add(mul(v, b2), mul(square(cast(g, 'f32')), 1 - b2)), state.variance, grads)
      // rate (m / c1) / (sqrt(v / c2) + eps), multiplied out so that the corrections are three scalars, computed once,
      // and each parameter's update is one elementwise kernel.
      const rate = rateAt(learningRate, state.step)
      const count = add(cast(state.step, 'f32'), 1)
      const root = sqrt(weightSoFar(b2, count))
      const size = neg(div(mul(rate, root), weightSoFar(b1, count)))
      const floor = mul(root, eps)
      const decay = mul(rate, weightDecay)
      const updates = mapTreeWithPath(
        (path, g, p, m, v) => {
          const along = div(mul(m, size), add(sqrt(v), floor))
          const whole = weightDecay > 0 && mask(path) ? sub(along, mul(cast(p, 'f32'), decay)) : along
          return cast(whole, g.dtype)
        },
        grads,
        params,
        mean,
        variance,
      )
      // Made last, when nothing reads the old step any more, so that it can take its place.
      return { updates, state: { step: nextStep(state.step), mean, variance } }
    },
  }
}

/** Terms of the series below; seven are exact to f32 where it is used. */
const TERMS = 7

/**
 * 1 - b^count, the bias correction: how much weight the means give to what they have seen. By its series where
 * b^count is near 1, as the difference would keep few digits there (and devices compute powers to fewer still).
 */
function weightSoFar(b: number, count: Scalar): Scalar {
  if (b === 0) return full([], 1)
  const x = mul(count, Math.log(b))
  let series: Scalar = full([], 1)
  for (let n = TERMS; n > 1; n--) series = add(mul(mul(x, series), 1 / n), 1)
  return where(ge(x, -0.5), neg(mul(x, series)), sub(1, exp(x)))
}
