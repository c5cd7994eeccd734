import { add, cast, cos, div, full, ge, maximum, minimum, mul, pow, rem, sub, where } from '../ir/ops.ts'
import { ValueError } from '../util/errors.ts'
import type { Scalar, Schedule, Step } from './optimizer.ts'

/**
 * Schedules: pure functions from the step (i32 [], 0 at the first update) to a number (f32 []), mostly a learning
 * rate. They stay at their last value when their steps are over.
 */

/** The same at every step. */
export const constant =
  (value: number): Schedule =>
  () =>
    full([], value)

export interface Ramp {
  /** At step 0. */
  readonly from: number
  /** At step `steps` and after. */
  readonly to: number
  readonly steps: number
}

/** A straight line. @throws ValueError unless `steps` is a positive whole number. */
export const linear = (ramp: Ramp): Schedule => polynomial({ ...ramp, power: 1 })

/** to + (from - to) (1 - step / steps)^power. @throws ValueError unless `steps` is a positive whole number. */
export function polynomial({ from, to, steps, power }: Ramp & { readonly power: number }): Schedule {
  checkSteps('schedule', steps)
  return (step) => {
    const left = sub(1, progress(step, steps))
    return add(mul(power === 1 ? left : pow(left, power), from - to), to)
  }
}

export interface Cosine {
  readonly peak: number
  /** Steps from the peak down. */
  readonly steps: number
  /** The least value, at the end; 0 unless said. */
  readonly floor?: number
}

/**
 * Half a cosine from `peak` down to `floor` (0 unless said) in `steps` steps. Source: Loshchilov and Hutter,
 * arXiv:1608.03983, equation 5. @throws ValueError unless `steps` is a positive whole number.
 */
export function cosine({ peak, steps, floor = 0 }: Cosine): Schedule {
  checkSteps('cosine', steps)
  return (step) => halfCosine(progress(step, steps), peak, floor)
}

export interface WarmupCosine {
  readonly peak: number
  /** From `start` up to `peak`, straight. */
  readonly warmupSteps: number
  /** All steps, with those of the warm-up. */
  readonly totalSteps: number
  /** The least value, at the end; 0 unless said. */
  readonly floor?: number
  /** The value at step 0; 0 unless said. */
  readonly start?: number
}

/** A straight warm-up, then a half cosine. @throws ValueError unless 0 <= warmupSteps < totalSteps, both whole. */
export function warmupCosine({ peak, warmupSteps, totalSteps, floor = 0, start = 0 }: WarmupCosine): Schedule {
  const down = cosine({ peak, steps: totalSteps - warmupSteps, floor })
  if (warmupSteps === 0) return down
  return piecewise([linear({ from: start, to: peak, steps: warmupSteps }), down], [warmupSteps])
}

/** `steps` are those of the first period. */
export interface Restarts extends Cosine {
  /** Each period is this many times as long as the one before: a whole number, 1 unless said. */
  readonly growth?: number
}

/**
 * Half cosines from `peak` to `floor`, one after the other. Source: Loshchilov and Hutter, arXiv:1608.03983.
 * @throws ValueError unless `steps` and `growth` are positive whole numbers.
 */
export function cosineWithRestarts({ peak, steps, floor = 0, growth = 1 }: Restarts): Schedule {
  checkSteps('cosineWithRestarts', steps)
  checkSteps('cosineWithRestarts', growth, 'growth')
  return (step) => {
    if (growth === 1) return halfCosine(progress(rem(step, steps), steps), peak, floor)
    // Periods double at least, so that few fit in an i32: each is looked at, exactly, where a logarithm would round.
    let start: Step = full([], 0, 'i32')
    let period: Step = full([], steps, 'i32')
    for (let s = steps, at = steps; at < 2 ** 31; s *= growth, at += s) {
      const over = ge(step, at)
      start = where(over, at, start)
      period = where(over, Math.min(s * growth, 2 ** 31 - 1), period)
    }
    return halfCosine(div(cast(sub(step, start), 'f32'), cast(period, 'f32')), peak, floor)
  }
}

/**
 * One schedule after the other: piece i begins at step boundaries[i - 1], and counts its steps from there. A number
 * stands for a constant.
 * @throws ValueError unless there is one more piece than boundaries, which are whole numbers and increase from above 0.
 */
export function piecewise(pieces: readonly (number | Schedule)[], boundaries: readonly number[]): Schedule {
  if (pieces.length !== boundaries.length + 1) {
    throw new ValueError(`piecewise: ${pieces.length} pieces with ${boundaries.length} boundaries between them`, {
      hint: 'give one boundary fewer than pieces',
    })
  }
  boundaries.forEach((b, i) => {
    if (!(Number.isInteger(b) && b > (boundaries[i - 1] ?? 0))) {
      throw new ValueError(`piecewise: boundaries ${boundaries.join(', ')}`, {
        hint: 'whole numbers of steps, each greater than the one before',
      })
    }
  })
  const schedules = pieces.map((p) => (typeof p === 'number' ? constant(p) : p))
  return (step) =>
    boundaries.reduce(
      (value, b, i) => where(ge(step, b), schedules[i + 1]!(maximum(sub(step, b), 0)), value),
      schedules[0]!(step),
    )
}

/** step / steps, at most 1. */
const progress = (step: Step, steps: number): Scalar => div(cast(minimum(step, steps), 'f32'), steps)

const halfCosine = (done: Scalar, peak: number, floor: number): Scalar =>
  add(mul(add(cos(mul(done, Math.PI)), 1), (peak - floor) / 2), floor)

function checkSteps(what: string, steps: number, name = 'steps'): void {
  if (!(Number.isInteger(steps) && steps > 0 && steps < 2 ** 31)) {
    throw new ValueError(`${what}: ${name} is ${steps}`, { hint: 'it must be a positive whole number' })
  }
}
