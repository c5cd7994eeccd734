import { valueAndGrad } from '../autodiff/index.ts'
import { cast, not } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { checkMax, clipTo, globalNorm } from './clip.ts'
import { type Extra, type LossResult, splitAux } from './loss.ts'
import { isFiniteNorm, type LossScale, type LossScaling, selectTree } from './loss-scaling.ts'
import { applyUpdates, type Optimizer, type Scalar } from './optimizer.ts'
import type { Stepped, TrainStepOptions } from './step.ts'

/** What a scaled step hands on: `{ optimizer: optimizer.init(params), scaling: scaling.init() }` before the first. */
export interface ScaledState<S> {
  readonly optimizer: S
  readonly scaling: LossScale
}

/** The loss and the norm are those of the loss as it is, not scaled. */
export interface ScaledStepped<P, S> extends Stepped<P, ScaledState<S>> {
  /** 1 where a gradient overflowed, so that nothing but the scale was changed; else 0. */
  readonly skipped: Scalar
}

/**
 * `trainStep` with loss scaling, for a loss of `mixedPrecision`: gradients are taken of the scaled loss and unscaled in
 * f32. Where one is not finite, parameters and the optimiser's state stay as they are and the scale falls; the choice
 * is made on the device. Compile it with `donate: [0, 1]`.
 *
 * @throws as `trainStep` does.
 */
export function scaledTrainStep<P, S, B extends readonly unknown[]>(
  lossFn: (params: P, ...batch: B) => Tensor,
  optimizer: Optimizer<S>,
  scaling: LossScaling,
  options?: TrainStepOptions<false>,
): (params: P, state: ScaledState<S>, ...batch: B) => ScaledStepped<P, S>
export function scaledTrainStep<P, S, B extends readonly unknown[], X>(
  lossFn: (params: P, ...batch: B) => readonly [Tensor, X],
  optimizer: Optimizer<S>,
  scaling: LossScaling,
  options: TrainStepOptions<true> & { readonly hasAux: true },
): (params: P, state: ScaledState<S>, ...batch: B) => ScaledStepped<P, S> & { readonly aux: X }
export function scaledTrainStep<P, S, B extends readonly unknown[], X>(
  lossFn: (params: P, ...batch: B) => LossResult<X>,
  optimizer: Optimizer<S>,
  scaling: LossScaling,
  { maxNorm, hasAux = false }: TrainStepOptions<boolean> = {},
): (params: P, state: ScaledState<S>, ...batch: B) => ScaledStepped<P, S> & Extra<X> {
  if (maxNorm !== undefined) checkMax('scaledTrainStep: maxNorm', maxNorm)
  return (params, state, ...batch) => {
    const scaledLoss = (p: P): readonly [Tensor, Extra<X> & { readonly loss: Tensor }] => {
      const [loss, extra] = splitAux('scaledTrainStep', lossFn(p, ...batch), hasAux)
      return [scaling.scale(loss, state.scaling), { ...extra, loss }]
    }
    const [[, told], scaledGrads] = valueAndGrad(scaledLoss, { hasAux: true })(params)
    const grads = scaling.unscale(scaledGrads, state.scaling)
    const gradientNorm = globalNorm(grads)
    // No number in the gradients can be infinite or NaN without the norm being so.
    const finite = isFiniteNorm(gradientNorm)
    const clipped = maxNorm === undefined ? grads : clipTo(grads, gradientNorm, maxNorm)
    const { updates, state: next } = optimizer.update(clipped, state.optimizer, params)
    return {
      params: selectTree(finite, applyUpdates(params, updates), params),
      state: {
        optimizer: selectTree(finite, next, state.optimizer),
        scaling: scaling.update(state.scaling, finite),
      },
      gradientNorm,
      skipped: cast(not(finite), 'f32'),
      ...told,
    }
  }
}
