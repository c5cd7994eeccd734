import { add, cast, mul, neg, zeros } from '../ir/ops.ts'
import { ValueError } from '../util/errors.ts'
import { checkRange, firstStep, nextStep, type Optimizer, rateAt, type Schedule, type Step } from './optimizer.ts'
import { mapTree, type TensorTree, tensorTree } from './tree-map.ts'

export interface SgdOptions {
  readonly learningRate: number | Schedule
  /** Share of the velocity that is kept from step to step; 0 (the default) keeps no velocity. */
  readonly momentum?: number
  /** Looks ahead along the velocity. */
  readonly nesterov?: boolean
}

export interface SgdState {
  readonly step: Step
  /** As the parameters, in f32; empty without momentum. */
  readonly velocity: TensorTree
}

/**
 * Gradient descent, with momentum if asked: velocity = momentum velocity + g, then -learningRate times the velocity,
 * or times g + momentum velocity if `nesterov`. No dampening.
 *
 * Source: PyTorch's torch.optim.SGD. @throws ValueError for momentum outside [0, 1), or nesterov without it.
 */
export function sgd({ learningRate, momentum = 0, nesterov = false }: SgdOptions): Optimizer<SgdState> {
  checkRange('sgd: learningRate', learningRate, 0)
  checkRange('sgd: momentum', momentum, 0, 1)
  if (nesterov && momentum === 0) throw new ValueError('sgd: nesterov needs momentum', { hint: 'momentum: 0.9' })
  return {
    init: (params) => ({
      step: firstStep(),
      velocity: momentum === 0 ? [] : tensorTree(mapTree((p) => zeros(p.shape), params)),
    }),
    update(grads, { step, velocity }) {
      const rate = neg(rateAt(learningRate, step))
      if (momentum === 0) {
        const updates = mapTree((g) => cast(mul(cast(g, 'f32'), rate), g.dtype), grads)
        return { updates, state: { step: nextStep(step), velocity } }
      }
      const moved = mapTree((v, g) => add(mul(v, momentum), cast(g, 'f32')), velocity, grads)
      const updates = mapTree(
        (g, v) => {
          const direction = nesterov ? add(cast(g, 'f32'), mul(v, momentum)) : v
          return cast(mul(direction, rate), g.dtype)
        },
        grads,
        moved,
      )
      return { updates, state: { step: nextStep(step), velocity: moved } }
    },
  }
}
