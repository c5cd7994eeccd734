import { Control, type ControlledJob } from './control.ts'
import type { KernelFailure, Pool, PoolKernel, PoolProgram, StepTimes } from './pool.ts'
import { WORKER_SOURCE } from './worker-source.ts'

/** A worker thread, of Node or of a page. */
export interface WorkerHandle {
  post(message: unknown): void
  /** Whether the process must stay for it. */
  hold(held: boolean): void
  terminate(): void
}

export interface WorkerEvents {
  message(data: unknown): void
  died(reason: string): void
}

export type StartWorker = (source: string, events: WorkerEvents) => WorkerHandle

/** What a worker is sent. */
interface Mail {
  readonly setup: Setup | null
  /** Where the next job writes its times. */
  readonly times: StepTimes | null
  readonly kernels: readonly PoolKernel[]
  readonly programs: readonly PoolProgram[]
  readonly forgotten: readonly number[]
}

interface Setup {
  readonly control: Int32Array
  readonly worker: number
  readonly memory: WebAssembly.Memory
}

/** What workers send: only the first failure of a job counts. */
type Report =
  | { readonly kind: 'failed'; readonly at: number; readonly message: string }
  | { readonly kind: 'done'; readonly failed: boolean }

const isReport = (data: unknown): data is Report =>
  typeof data === 'object' && data !== null && 'kind' in data && (data.kind === 'failed' || data.kind === 'done')

/** Worker threads, started when the first program comes. */
export class WorkerPool implements Pool {
  readonly #size: number
  readonly #memory: WebAssembly.Memory
  readonly #start: StartWorker
  readonly #onDeath: (reason: string) => void
  readonly #control = new Control()
  readonly #workers: WorkerHandle[] = []
  readonly #known = new Set<number>()
  /** Told with the next message: it is no reason to wake anybody. */
  readonly #forgotten: number[] = []
  #failure: KernelFailure | null = null
  #done: { readonly failed: boolean } | null = null
  #finish: ((failure: KernelFailure | null) => void) | null = null
  #closed = false

  constructor(size: number, memory: WebAssembly.Memory, start: StartWorker, onDeath: (reason: string) => void) {
    this.#size = size
    this.#memory = memory
    this.#start = start
    this.#onDeath = onDeath
  }

  add(program: PoolProgram, kernels: readonly PoolKernel[]): void {
    const unknown = kernels.filter((kernel) => !this.#known.has(kernel.id))
    for (const kernel of unknown) this.#known.add(kernel.id)
    this.#post(unknown, [program], null)
  }

  forget(program: number): void {
    this.#forgotten.push(program)
  }

  play(job: ControlledJob, times: StepTimes | null): Promise<KernelFailure | null> {
    this.#failure = this.#done = null
    if (times) this.#post([], [], times)
    return new Promise((resolve) => {
      this.#finish = resolve
      this.#workers[0]?.hold(true)
      this.#control.give(job, times !== null)
    })
  }

  close(): void {
    this.#closed = true
    for (const worker of this.#workers) worker.terminate()
    this.#workers.length = 0
  }

  #post(kernels: readonly PoolKernel[], programs: readonly PoolProgram[], times: StepTimes | null): void {
    const first = this.#workers.length === 0
    if (first) this.#startAll()
    const mail = { kernels, programs, times, forgotten: this.#forgotten.splice(0) }
    this.#control.announceMail()
    this.#workers.forEach((worker, i) => {
      worker.post({ setup: first ? this.#setup(i) : null, ...mail } satisfies Mail)
    })
  }

  #startAll(): void {
    const events: WorkerEvents = {
      message: (data) => {
        if (isReport(data)) this.#take(data)
      },
      died: (reason) => {
        if (!this.#closed) this.#onDeath(reason)
      },
    }
    for (let i = 0; i < this.#size; i++) this.#workers.push(this.#start(WORKER_SOURCE, events))
  }

  #setup(worker: number): Setup {
    return { control: this.#control.words, worker, memory: this.#memory }
  }

  /** Workers' messages may overtake each other: a job that failed is done when its failure is known as well. */
  #take(report: Report): void {
    if (report.kind === 'failed') this.#failure ??= report
    else this.#done = report
    if (!this.#done || (this.#done.failed && !this.#failure)) return
    const finish = this.#finish
    const failure = this.#done.failed ? this.#failure : null
    this.#finish = this.#done = null
    this.#workers[0]?.hold(false)
    finish?.(failure)
  }
}
