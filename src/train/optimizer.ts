import { add, cast, full, mul } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { ValueError } from '../util/errors.ts'
import { mapTree } from './tree-map.ts'

/** How many updates were made before this one: i32 [], 0 at the first. */
export type Step = Tensor<readonly [], 'i32'>
/** One f32 number, such as a learning rate. */
export type Scalar = Tensor<readonly [], 'f32'>
/** A number that follows the step; see schedules.ts. */
export type Schedule = (step: Step) => Scalar

/** What an optimiser adds to the parameters, and its state for the next step. */
export interface Updated<P, S> {
  /** Of the structure, shapes and dtypes of the gradients; `applyUpdates` adds them to the parameters. */
  readonly updates: P
  readonly state: S
}

/**
 * An optimiser as a pair of pure functions over trees, after Optax: it holds no tensors itself. The state S is a tree
 * of tensors that keeps its structure, so that a compiled step can take it donated and write it in place.
 */
export interface Optimizer<S> {
  /** The state before the first step. */
  init(params: unknown): S
  /**
   * What to add to the parameters. Gradients and parameters are trees of one structure; nothing of theirs is changed.
   * @throws TraceError where gradients, state and parameters differ in structure.
   */
  update<P>(grads: P, state: S, params: P): Updated<P, S>
}

/** The parameters after one step, each leaf in its own dtype. @throws TraceError where the trees differ in structure. */
export const applyUpdates = <P>(params: P, updates: P): P =>
  mapTree((p, u) => add(p, cast(u, p.dtype)), params, updates)

/** State of what follows a schedule and nothing else. */
export interface StepState {
  readonly step: Step
}

export const firstStep = (): Step => full([], 0, 'i32')
export const nextStep = (step: Step): Step => add(step, 1)

/** A number or a schedule, at this step. */
export const rateAt = (rate: number | Schedule, step: Step): Scalar =>
  typeof rate === 'number' ? full([], rate) : rate(step)

/**
 * Several optimisers, each given the updates of the one before as its gradients; the state is the tuple of theirs.
 * What scales gradients, such as `clipByGlobalNorm`, stands before what steps along them.
 */
export function chain<S extends readonly unknown[]>(
  ...parts: { readonly [I in keyof S]: Optimizer<S[I]> }
): Optimizer<S> {
  return {
    // One state for each part, which is what S says.
    init: (params) => parts.map((part) => part.init(params)) as unknown as S,
    update(grads, state, params) {
      let updates = grads
      const states = parts.map((part, i) => {
        const made = part.update(updates, state[i], params)
        updates = made.updates
        return made.state
      })
      return { updates, state: states as unknown as S }
    },
  }
}

/** Updates times `schedule(step)`, which counts from 0. Negative factors descend. */
export function scaleBySchedule(schedule: Schedule): Optimizer<StepState> {
  return {
    init: () => ({ step: firstStep() }),
    update(grads, { step }) {
      const factor = schedule(step)
      const updates = mapTree((g) => cast(mul(cast(g, 'f32'), factor), g.dtype), grads)
      return { updates, state: { step: nextStep(step) } }
    },
  }
}

/** @throws ValueError unless `low <= value` and `value < high`, or the value is a schedule. */
export function checkRange(what: string, value: number | Schedule, low: number, high = Number.POSITIVE_INFINITY): void {
  if (typeof value === 'number' && !(value >= low && value < high)) {
    const range = high === Number.POSITIVE_INFINITY ? `a finite number of ${low} or more` : `in [${low}, ${high})`
    throw new ValueError(`${what} is ${value}; it must be ${range}`)
  }
}
