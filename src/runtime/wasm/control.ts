/** How deep loops may nest: their counters lie in shared memory. */
export const MOST_NESTED_LOOPS = 32

/**
 * The words that the main thread and the workers of one pool talk through, as positions in an Int32Array on shared
 * memory. Those that many write lie in cache lines of their own.
 */
export const WORD = {
  /** Of the present step: its number (24 bits) and how many of its chunks nobody has taken yet (8 bits). */
  ticket: 0,
  /** How many chunks of the present step are done. */
  done: 16,
  /** Workers that sleep until the ticket changes. */
  sleeping: 32,
  /** 1 once a kernel of the present job failed. */
  failed: 48,
  /** The present step's position in the program; -1 before the first. */
  at: 64,
  program: 65,
  scratch: 66,
  scratchStride: 67,
  /** 1 if steps are to be timed, and how many were. */
  timed: 68,
  timedSteps: 69,
  /** How many messages were sent to each worker. */
  mailed: 70,
  /** 1 while a job is played. */
  running: 71,
  /** How many rounds are left of each loop, by depth. */
  rounds: 80,
} as const

const WORDS = WORD.rounds + MOST_NESTED_LOOPS

/** A job as those who play it need it. */
export interface ControlledJob {
  readonly program: number
  readonly scratch: number
  readonly scratchStride: number
}

/** The main thread's side. It never waits. */
export class Control {
  readonly words = new Int32Array(new SharedArrayBuffer(4 * WORDS))

  /** A message is on its way to each worker: those that sleep must go and look. */
  announceMail(): void {
    Atomics.add(this.words, WORD.mailed, 1)
    Atomics.notify(this.words, WORD.ticket)
  }

  /** The job before must be done. The worker that takes the only chunk of step -1 begins with the first. */
  give(job: ControlledJob, timed: boolean): void {
    const { words } = this
    Atomics.store(words, WORD.failed, 0)
    Atomics.store(words, WORD.at, -1)
    Atomics.store(words, WORD.program, job.program)
    Atomics.store(words, WORD.scratch, job.scratch)
    Atomics.store(words, WORD.scratchStride, job.scratchStride)
    Atomics.store(words, WORD.timed, Number(timed))
    Atomics.store(words, WORD.timedSteps, 0)
    Atomics.store(words, WORD.running, 1)
    Atomics.store(words, WORD.ticket, (((Atomics.load(words, WORD.ticket) >> 8) + 1) << 8) | 1)
    Atomics.notify(words, WORD.ticket, 1)
  }
}
