import { DeviceError } from '../util/errors.ts'
import type { Waits } from './idle-waits.ts'

/**
 * Whether a device still works, and everyone who waits on it. A lost device answers nothing, or answers with
 * errors that name the wrong cause, so every wait goes through `guard`.
 */
export class Health {
  readonly #waits: Waits
  #failure: DeviceError | null = null
  readonly #waiting = new Set<(error: DeviceError) => void>()
  /** Checks of submitted work that have not answered yet. */
  readonly #checks = new Set<Promise<void>>()
  #firstError: DeviceError | null = null

  constructor(waits: Waits) {
    this.#waits = waits
  }

  get failure(): DeviceError | null {
    return this.#failure
  }

  /** @throws DeviceError if the device is lost or disposed. */
  assertAlive(): void {
    // A fresh error, so that its stack shows the call that came too late.
    if (this.#failure) throw this.#copyOfFailure(this.#failure)
  }

  /** The device is gone: everyone who waits is told. Only the first reason is kept. */
  fail(error: DeviceError): void {
    if (this.#failure) return
    this.#failure = error
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const reject of waiting) {
      this.#waits.end()
      reject(this.#copyOfFailure(error))
    }
  }

  /** The device was given up on purpose; one that failed before keeps its reason. */
  dispose(): void {
    this.fail(new DeviceError('the device was disposed of', { hint: 'open another with openDevice()' }))
  }

  /**
   * The promise, but rejecting with the device's own DeviceError as soon as the device is gone. (A race with one
   * long-lived promise would leave a handler on it for every call.)
   */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure) {
        promise.catch(() => {})
        reject(this.#copyOfFailure(this.#failure))
        return
      }
      this.#waiting.add(reject)
      this.#waits.begin()
      const done = (): void => {
        if (this.#waiting.delete(reject)) this.#waits.end()
      }
      promise.then(
        (value) => {
          done()
          resolve(value)
        },
        (reason: unknown) => {
          done()
          reject(this.#failure ? this.#copyOfFailure(this.#failure) : reason)
        },
      )
    })
  }

  /** Remembers the check of some work until it has answered; gives what went wrong, or null. Never rejects. */
  check(answer: Promise<GPUError | null>, toError: (error: GPUError) => DeviceError): Promise<DeviceError | null> {
    // A device that is lost pops no scopes; its own failure says all there is to say.
    const result = answer.then(
      (error) => (error && !this.#failure ? toError(error) : null),
      () => null,
    )
    const tracked: Promise<void> = result.then((error) => {
      this.#checks.delete(tracked)
      this.#firstError ??= error
    })
    this.#checks.add(tracked)
    return result
  }

  /** An error outside every scope. */
  report(error: DeviceError): void {
    this.#firstError ??= error
  }

  /** Waits for the checks begun so far. @throws DeviceError (as a rejection) if the device goes meanwhile. */
  async settled(): Promise<void> {
    if (this.#checks.size > 0) await this.guard(Promise.all(this.#checks))
  }

  /** The first error since the last time this was asked. */
  takeError(): DeviceError | null {
    const error = this.#firstError
    this.#firstError = null
    return error
  }

  #copyOfFailure(error: DeviceError): DeviceError {
    return new DeviceError(error.message.split('\n  hint: ')[0] ?? error.message, { hint: error.hint })
  }
}
