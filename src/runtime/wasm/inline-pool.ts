import type { ControlledJob } from './control.ts'
import { type KernelFunction, kernelFunction } from './kernel-function.ts'
import { pause } from './pause.ts'
import type { KernelFailure, Pool, PoolKernel, PoolProgram, StepTimes } from './pool.ts'

/** The longest that timers and clicks wait, unless one piece of a kernel takes longer. */
const SLICE_MS = 8
/** Chunks are doubled after one that took less than this, and halved after one that took longer. */
const CHUNK_MS = 1

/** Where there are no workers the main thread does the work itself, in slices between which the event loop runs. */
export class InlinePool implements Pool {
  readonly #memory: WebAssembly.Memory
  readonly #kernels = new Map<number, KernelFunction | null>()
  readonly #programs = new Map<number, PoolProgram>()
  #sliceEnd = 0
  #closed = false

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory
  }

  add(program: PoolProgram, kernels: readonly PoolKernel[]): void {
    for (const { id, module } of kernels) {
      if (this.#kernels.has(id)) continue
      this.#kernels.set(id, kernelFunction(new WebAssembly.Instance(module, { weft: { memory: this.#memory } })))
    }
    this.#programs.set(program.id, program)
  }

  forget(program: number): void {
    this.#programs.delete(program)
  }

  async play(job: ControlledJob, times: StepTimes | null): Promise<KernelFailure | null> {
    // Whoever asked is not made to wait even for the first slice.
    await this.#pause()
    const steps = this.#programs.get(job.program)?.steps ?? []
    let timed = 0
    const rounds: number[] = []
    for (let at = 0; at < steps.length && !this.#closed; at++) {
      const step = steps[at]!
      if (step.kind === 'loop') {
        if (step.count === 0) at = step.end
        else rounds.push(step.count)
      } else if (step.kind === 'repeat') {
        const left = (rounds.pop() ?? 0) - 1
        if (left === 0) continue
        rounds.push(left)
        at = step.begin
      } else {
        const begin = performance.now()
        try {
          const work = this.#slices(step.kernel, step.args, step.pieces, step.chunk, job.scratch)
          for (const _ of work) await this.#pause()
        } catch (cause) {
          return { at, message: String(cause) }
        }
        times?.set([at, begin, performance.now()], 3 * timed++)
      }
    }
    return null
  }

  close(): void {
    this.#closed = true
    this.#kernels.clear()
    this.#programs.clear()
  }

  async #pause(): Promise<void> {
    await pause()
    this.#sliceEnd = performance.now() + SLICE_MS
  }

  /** Does a step, and yields whenever a slice is over. */
  *#slices(kernel: number, args: number, pieces: number, first: number, scratch: number): Generator<void> {
    const run = this.#kernels.get(kernel)
    let chunk = first
    let before = performance.now()
    for (let begin = 0; begin < pieces && !this.#closed; ) {
      const end = Math.min(pieces, begin + chunk)
      run?.(args, begin, end, scratch)
      begin = end
      const now = performance.now()
      if (now - before < CHUNK_MS) chunk *= 2
      else chunk = Math.max(1, chunk >> 1)
      before = now
      if (now < this.#sliceEnd) continue
      yield
      before = performance.now()
    }
  }
}
