import { ValueError } from '../util/errors.ts'

/** How far a loop is when a step begins. */
export interface At {
  /** From 0. */
  readonly step: number
  /** Of the steps, or of the time where that is the nearer limit, from 0 to 1. */
  readonly share: number
}

/**
 * What is known of a step once it is done: numbers by name, `loss` among them. `skipped` is 1 for a step that changed
 * nothing but the scale of its loss, because that was too great.
 */
export type Metrics = { readonly loss: number; readonly skipped?: number } & Readonly<Record<string, number>>

/** A line of the history. */
export interface StepRecord {
  readonly step: number
  /** Since the loop began. */
  readonly seconds: number
  readonly metrics: Metrics
}

export interface LoopOptions<S> {
  readonly state: S
  /**
   * Begins one step. It may resolve when the work is merely queued: `metrics` is awaited after `prepare` for the next
   * step was called, so that data are made while the device works.
   */
  readonly step: (state: S, at: At) => Promise<{ readonly state: S; readonly metrics: () => Promise<Metrics> }>
  /** Told which step is next, while the one before is being worked on. */
  readonly prepare?: (step: number) => void
  /** At least one of them; the loop ends at whichever comes first. */
  readonly limit: { readonly steps?: number; readonly seconds?: number }
  /** Ends the loop after the step that is running. */
  readonly signal?: AbortSignal
  readonly onStep?: (record: StepRecord, left: Remaining) => void
  /** A clock in milliseconds, for tests. */
  readonly now?: () => number
}

export interface Remaining {
  /** Of the whole, 0 to 1, after the step. */
  readonly share: number
  /** Steps per second, over the last few. */
  readonly stepsPerSecond: number
  /** Seconds to go at that speed. */
  readonly seconds: number
}

export interface LoopResult<S> {
  readonly state: S
  readonly history: readonly StepRecord[]
  readonly seconds: number
  readonly ended: 'steps' | 'time' | 'interrupted'
}

/** From the greatest scale of a loss to 1 by halves; what still overflows then is no matter of the scale. */
const MOST_SKIPPED = 64

/** Speeds are taken over so many steps. */
const WINDOW = 20

/**
 * Runs steps until they are done, the time is over or the signal comes, and keeps the metrics of all. What is stopped
 * early is a result like any other: the caller saves it.
 *
 * @throws ValueError without a limit, or when a loss is not a finite number, naming the step, unless the step was
 * skipped; and when more steps are skipped in a row than it takes to bring any scale down.
 */
export async function trainLoop<S>(options: LoopOptions<S>): Promise<LoopResult<S>> {
  const { step, prepare, limit, signal, onStep, now = () => performance.now() } = options
  const { steps = Number.POSITIVE_INFINITY, seconds: most = Number.POSITIVE_INFINITY } = limit
  if (!(steps > 0 && most > 0) || (steps === Number.POSITIVE_INFINITY && most === Number.POSITIVE_INFINITY)) {
    throw new ValueError(`training of ${steps} steps in ${most} seconds`, { hint: 'limit the steps or the seconds' })
  }
  let { state } = options
  const began = now()
  const elapsed = (): number => (now() - began) / 1000
  const shareAt = (done: number): number => Math.min(1, Math.max(done / steps, elapsed() / most))
  const history: StepRecord[] = []
  let skippedInRow = 0
  const finished = (ended: LoopResult<S>['ended']): LoopResult<S> => ({ state, history, seconds: elapsed(), ended })

  for (let i = 0; i < steps; i++) {
    if (signal?.aborted) return finished('interrupted')
    if (elapsed() >= most) return finished('time')
    const result = await step(state, { step: i, share: shareAt(i) })
    state = result.state
    if (i + 1 < steps) prepare?.(i + 1)
    const record = { step: i, metrics: await result.metrics(), seconds: elapsed() }
    history.push(record)
    skippedInRow = record.metrics.skipped ? skippedInRow + 1 : 0
    if (skippedInRow > MOST_SKIPPED) throw stuck(skippedInRow)
    if (skippedInRow === 0 && !Number.isFinite(record.metrics.loss)) throw diverged(history)
    onStep?.(record, remaining(history, shareAt(i + 1), { steps, seconds: most }))
  }
  return finished('steps')
}

function remaining(
  history: readonly StepRecord[],
  share: number,
  limit: { readonly steps: number; readonly seconds: number },
): Remaining {
  const last = history.at(-1)!
  const before = history.at(-1 - WINDOW)
  const stepsPerSecond = before
    ? WINDOW / (last.seconds - before.seconds)
    : history.length / Math.max(last.seconds, Number.MIN_VALUE)
  const seconds = Math.min((limit.steps - last.step - 1) / stepsPerSecond, limit.seconds - last.seconds)
  return { share, stepsPerSecond, seconds: Math.max(0, seconds) }
}

const stuck = (steps: number): ValueError =>
  new ValueError(`training diverged: ${steps} steps in a row were skipped, as their gradients were not finite`, {
    hint: 'whatever the scale of the loss: look for an overflow in the model, or train in f32',
  })

function diverged(history: readonly StepRecord[]): ValueError {
  const { step, metrics } = history.at(-1)!
  const before = history.at(-2)
  return new ValueError(
    `training diverged: the loss of step ${step} is ${metrics.loss}${before ? `, after ${before.metrics.loss}` : ''}`,
    { hint: 'lower the learning rate, or lengthen its warm-up' },
  )
}
