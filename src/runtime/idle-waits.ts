/** Told when somebody begins and ends waiting on the device. */
export interface Waits {
  begin(): void
  end(): void
}

/** For devices that take no processor from their own work while they are waited for. */
export const NO_WAITS: Waits = { begin() {}, end() {} }

const LONGEST_SLEEP_MS = 1
/** Waits shorter than this stay untouched: a read-back of a few numbers takes less. */
const SPIN_MS = 0.2

/**
 * Sleeps in between while something is awaited. Dawn's Node binding asks in a busy loop (setImmediate) whether work is
 * done; on a software adapter that loop takes a processor from the kernels it waits for: sleeping made a long call
 * on two processors nearly twice as fast. A sleep is a small part of the time waited so far, so it costs little
 * latency; other callbacks of the event loop are held up by no more than a millisecond a turn.
 */
export class IdleWaits implements Waits {
  readonly #cell = new Int32Array(new SharedArrayBuffer(4))
  #waiting = 0
  #since = 0
  #turning = false

  begin(): void {
    this.#waiting++
    if (this.#waiting === 1) this.#since = performance.now()
    if (this.#turning) return
    this.#turning = true
    setImmediate(this.#turn)
  }

  end(): void {
    this.#waiting--
    this.#since = performance.now()
  }

  readonly #turn = (): void => {
    if (this.#waiting === 0) {
      this.#turning = false
      return
    }
    const waited = performance.now() - this.#since
    if (waited > SPIN_MS) Atomics.wait(this.#cell, 0, 0, Math.min(LONGEST_SLEEP_MS, waited / 16))
    setImmediate(this.#turn)
  }
}
