import { and, cast, div, full, ge, le, maximum, minimum, mul, not, where } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { ValueError } from '../util/errors.ts'
import { globalNorm } from './clip.ts'
import { checkRange, firstStep, nextStep, type Scalar, type Step } from './optimizer.ts'
import { mapTree } from './tree-map.ts'

export interface LossScalingOptions {
  /** The first scale; 2^15 unless said. */
  readonly initial?: number
  /** The scale grows after so many steps without an overflow; 2000 unless said. */
  readonly growthInterval?: number
  /** What the scale is multiplied by when it grows, and divided by after an overflow; 2 unless said. */
  readonly factor?: number
}

export interface LossScale {
  /** What the loss is multiplied by. */
  readonly scale: Scalar
  /** Steps since the scale last changed. */
  readonly goodSteps: Step
}

/** One truth value. */
export type Truth = Tensor<readonly [], 'bool'>

/** Dynamic loss scaling as pure functions of its state, which is a tree of tensors. */
export interface LossScaling {
  init(): LossScale
  /** The loss, f32 [], times the scale: what gradients are taken of. */
  scale(loss: Tensor, state: LossScale): Tensor
  /** Gradients of a scaled loss as those of the loss, in f32. */
  unscale<T>(grads: T, state: LossScale): T
  /** The scale for the next step, when it is known whether the gradients of this one were finite. */
  update(state: LossScale, finite: Truth): LossScale
}

/** The scale stays between these: below 1 it would lose what it should keep, and infinity would not come back. */
const LEAST = 1
const GREATEST = 2 ** 64

/**
 * Keeps the small gradients of a computation in f16 from becoming 0: the loss is multiplied by a scale, its gradients
 * divided by it. The scale doubles as long as nothing overflows, and halves when something does; such a step is to be
 * skipped. `scaledTrainStep` joins this with an optimiser.
 *
 * Sources: Micikevicius et al., Mixed Precision Training (arXiv:1710.03740), section 3.2; the names are those of jmp's
 * DynamicLossScale and PyTorch's GradScaler.
 * @throws ValueError unless `initial` is 1 or more, `growthInterval` a whole number from 1 and `factor` above 1.
 */
export function lossScaling({
  initial = 2 ** 15,
  growthInterval = 2000,
  factor = 2,
}: LossScalingOptions = {}): LossScaling {
  checkRange('lossScaling: initial', initial, LEAST, GREATEST)
  if (!(Number.isSafeInteger(growthInterval) && growthInterval >= 1)) {
    throw new ValueError(`lossScaling: growthInterval is ${growthInterval}; it must be a whole number of 1 or more`)
  }
  if (!(factor > 1 && Number.isFinite(factor))) {
    throw new ValueError(`lossScaling: factor is ${factor}; it must be a finite number above 1`)
  }
  return {
    init: () => ({ scale: full([], initial), goodSteps: firstStep() }),
    scale: (loss, { scale }) => mul(cast(loss, 'f32'), scale),
    unscale(grads, { scale }) {
      const inverse = div(1, scale)
      return mapTree((g) => mul(cast(g, 'f32'), inverse), grads)
    },
    update({ scale, goodSteps }, finite) {
      const counted = nextStep(goodSteps)
      const grows = ge(counted, growthInterval)
      const greater = where(grows, minimum(mul(scale, factor), GREATEST), scale)
      const less = maximum(div(scale, factor), LEAST)
      return {
        scale: where(finite, greater, less),
        goodSteps: where(and(finite, not(grows)), counted, 0),
      }
    },
  }
}

const GREATEST_F32 = 3.4028234663852886e38

/** Is every number of a tree finite, and the sum of their squares too? */
export const allFinite = (tree: unknown): Truth => isFiniteNorm(globalNorm(tree))

/** Is a norm, which is never below 0, neither NaN nor infinite? */
export const isFiniteNorm = (norm: Scalar): Truth => le(norm, GREATEST_F32)

/** One of two trees of the same structure, leaf by leaf: nothing waits for the host to know which. */
export const selectTree = <T>(condition: Truth, yes: T, no: T): T => mapTree((a, b) => where(condition, a, b), yes, no)
