import { valueAndGrad } from '../autodiff/index.ts'
import type { Tensor } from '../ir/tensor.ts'
import { checkMax, clipTo, globalNorm } from './clip.ts'
import { type Extra, type LossResult, splitAux } from './loss.ts'
import { applyUpdates, type Optimizer, type Scalar } from './optimizer.ts'

export interface TrainStepOptions<Aux extends boolean> {
  /** Gradients are scaled down to this global norm. */
  readonly maxNorm?: number
  /** The loss function returns `[loss, aux]`; the step returns aux as it is. */
  readonly hasAux?: Aux
}

/** What a step returns. In this order the first outputs fit the donated arguments. */
export interface Stepped<P, S> {
  readonly params: P
  readonly state: S
  /** Before the update. */
  readonly loss: Tensor
  /** Before clipping. */
  readonly gradientNorm: Scalar
}

/**
 * One step of training as a pure function: loss and gradients, clipped if asked, the optimiser's update, applied.
 * Compile it with `donate: [0, 1]`, and parameters and state are updated in place.
 *
 * @throws ValueError unless maxNorm is positive; TraceError, DTypeError as `valueAndGrad` does.
 */
export function trainStep<P, S, B extends readonly unknown[]>(
  lossFn: (params: P, ...batch: B) => Tensor,
  optimizer: Optimizer<S>,
  options?: TrainStepOptions<false>,
): (params: P, state: S, ...batch: B) => Stepped<P, S>
export function trainStep<P, S, B extends readonly unknown[], X>(
  lossFn: (params: P, ...batch: B) => readonly [Tensor, X],
  optimizer: Optimizer<S>,
  options: TrainStepOptions<true> & { readonly hasAux: true },
): (params: P, state: S, ...batch: B) => Stepped<P, S> & { readonly aux: X }
export function trainStep<P, S, B extends readonly unknown[], X>(
  lossFn: (params: P, ...batch: B) => LossResult<X>,
  optimizer: Optimizer<S>,
  { maxNorm, hasAux = false }: TrainStepOptions<boolean> = {},
): (params: P, state: S, ...batch: B) => Stepped<P, S> & Extra<X> {
  if (maxNorm !== undefined) checkMax('trainStep: maxNorm', maxNorm)
  const gradOf = valueAndGrad((params: P, ...batch: B) => splitAux('trainStep', lossFn(params, ...batch), hasAux), {
    hasAux: true,
  })
  return (params, state, ...batch) => {
    const [[loss, extra], grads] = gradOf(params, ...batch)
    const gradientNorm = globalNorm(grads)
    const clipped = maxNorm === undefined ? grads : clipTo(grads, gradientNorm, maxNorm)
    const { updates, state: next } = optimizer.update(clipped, state, params)
    return { params: applyUpdates(params, updates), state: next, loss, gradientNorm, ...extra }
  }
}
