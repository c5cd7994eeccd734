/** How long a case is measured. */
export interface RunLimits {
  /** Exactly so many runs of each; else as many as the times below allow. */
  readonly runs?: number
}

/** At least so many rounds, and further ones until the case has taken ENOUGH_MS. */
const USUAL_ROUNDS = 15
const ENOUGH_MS = 3000
/** Slow cases end sooner, and quick ones need no more than this. */
const LEAST_ROUNDS = 5
const TOO_LONG_MS = 30_000
const MOST_ROUNDS = 100

/** Of one contender: no more than these runs, or this time, where it is slow; so few where its first call was. */
const LEAST_RUNS = 3
const ENOUGH_OF_ONE_MS = 8000
const SLOW_FIRST_CALL_MS = 20_000

/** A run so long is no better for others before it: neither warm-up rounds nor turns of several are made of it. */
const LONG_RUN_MS = 800

/** Engines compile what runs often a second time, better: so much runs before anything is counted. */
const WARM_UP_ROUNDS = 3
const WARM_UP_MS = 500

/** A turn is some runs on end, as the first of them find caches cold and threads asleep. */
const TURN_MS = 30
const LEAST_RUNS_IN_TURN = 2
const MOST_RUNS_IN_TURN = 5

/** After a turn, before its process is stopped: for what a run leaves to do, such as compiling better what ran often. */
export const PAUSE_MS = 20

/** Is another round worth its time, after `rounds` of them that ran for `spent` milliseconds? */
export function anotherRound(rounds: number, spent: number): boolean {
  if (rounds < LEAST_ROUNDS) return true
  if (spent > TOO_LONG_MS) return false
  return rounds < USUAL_ROUNDS || (spent < ENOUGH_MS && rounds < MOST_ROUNDS)
}

/** How one contender fares. Times are in milliseconds. */
export interface Progress {
  readonly firstCall: number
  readonly runs: number
  readonly spent: number
}

/** Has a contender a right to another run? */
export function anotherRun({ firstCall, runs, spent }: Progress, limits: RunLimits): boolean {
  if (limits.runs !== undefined) return runs < limits.runs
  if (runs < LEAST_RUNS) return true
  return firstCall < SLOW_FIRST_CALL_MS && spent < ENOUGH_OF_ONE_MS
}

/** Is a run of so many milliseconds too long to be repeated for warmth alone? */
export const isLong = (run: number): boolean => run > LONG_RUN_MS

export const anotherWarmUp = (rounds: number, spent: number, { runs }: RunLimits): boolean =>
  rounds < Math.min(runs ?? WARM_UP_ROUNDS, WARM_UP_ROUNDS) ||
  (runs === undefined && spent < WARM_UP_MS && rounds < MOST_ROUNDS)

export const anotherInTurn = (runs: number, spent: number): boolean =>
  (runs < LEAST_RUNS_IN_TURN && !isLong(spent)) || (runs < MOST_RUNS_IN_TURN && spent < TURN_MS)
