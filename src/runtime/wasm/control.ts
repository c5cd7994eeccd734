/**
 * The words that the main thread and the workers of one pool talk through, as positions in an Int32Array on shared
 * memory. Those that many write lie in cache lines of their own.
 */
export const WORD = {
  /** The next chunk of the present step that nobody does yet. */
  next: 0,
  /** How many workers have come to the barrier. */
  arrived: 16,
  /** Changes when all have come; its lowest bit says that the job failed and ends here. */
  generation: 32,
  /** Workers that sleep at the barrier and must be woken. */
  sleeping: 48,
  /** 1 once a kernel of the present job failed. */
  failed: 64,
  // The present job, written before its workers' bells ring.
  program: 80,
  scratch: 81,
  scratchStride: 82,
  timed: 83,
  /** How many messages were sent to each worker. */
  mailed: 84,
  /** For each worker, a line: its bell, which changes when there is something to do, and the jobs given to it. */
  firstBell: 96,
} as const

export const WORDS_PER_BELL = 16

const bellOf = (worker: number): number => WORD.firstBell + worker * WORDS_PER_BELL

/** A job as the workers need it. */
export interface ControlledJob {
  readonly program: number
  readonly scratch: number
  readonly scratchStride: number
  readonly timed: boolean
  /** Worker 0 can do it without the others. */
  readonly alone: boolean
}

/** The main thread's side. It never waits. */
export class Control {
  readonly words: Int32Array
  readonly #workers: number

  constructor(workers: number) {
    this.words = new Int32Array(new SharedArrayBuffer(4 * (WORD.firstBell + workers * WORDS_PER_BELL)))
    this.#workers = workers
  }

  /** A message is on its way to each worker: those that sleep on shared memory must go and look. */
  announceMail(): void {
    Atomics.add(this.words, WORD.mailed, 1)
    for (let worker = 0; worker < this.#workers; worker++) this.#ring(worker)
  }

  /** The job before must be done. */
  give(job: ControlledJob): void {
    const { words } = this
    Atomics.store(words, WORD.failed, 0)
    Atomics.store(words, WORD.program, job.program)
    Atomics.store(words, WORD.scratch, job.scratch)
    Atomics.store(words, WORD.scratchStride, job.scratchStride)
    Atomics.store(words, WORD.timed, Number(job.timed))
    const workers = job.alone ? 1 : this.#workers
    for (let worker = 0; worker < workers; worker++) {
      Atomics.add(words, bellOf(worker) + 1, 1)
      this.#ring(worker)
    }
  }

  #ring(worker: number): void {
    Atomics.add(this.words, bellOf(worker), 1)
    Atomics.notify(this.words, bellOf(worker))
  }
}
