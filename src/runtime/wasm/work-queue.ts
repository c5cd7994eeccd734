/** A piece of work; it is done when it returns, or when the promise it returns resolves. */
export type Job = () => Promise<void> | void

/**
 * Everything that touches a device's memory, in the order it was asked for. So whoever frees memory at once, while
 * earlier work that uses it waits, is safe: whatever uses that memory next waits behind.
 */
export class WorkQueue {
  readonly #jobs: Job[] = []
  #working = false

  /** Would a job begin at once? */
  get idle(): boolean {
    return !this.#working
  }

  push(job: Job): void {
    this.#jobs.push(job)
    if (!this.#working) this.#work()
  }

  /** The result of some work that does not wait. */
  result<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.push(() => {
        try {
          resolve(work())
        } catch (cause) {
          reject(cause)
        }
      })
    })
  }

  /** Forgets what has not begun. */
  close(): void {
    this.#jobs.length = 0
  }

  #work(): void {
    this.#working = true
    for (;;) {
      const job = this.#jobs.shift()
      if (!job) break
      const waiting = job()
      if (waiting) {
        void waiting.then(() => this.#work())
        return
      }
    }
    this.#working = false
  }
}
