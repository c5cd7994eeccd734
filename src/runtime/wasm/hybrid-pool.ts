import type { ControlledJob } from './control.ts'
import type { KernelFailure, Pool, PoolKernel, PoolProgram, StepTimes } from './pool.ts'

/** Workers for what is worth it, the main thread for small programs. Workers start when the first is worth it. */
export class HybridPool implements Pool {
  readonly #workers: Pool
  readonly #main: Pool
  readonly #small = new Set<number>()

  constructor(workers: Pool, main: Pool) {
    this.#workers = workers
    this.#main = main
  }

  add(program: PoolProgram, kernels: readonly PoolKernel[]): void {
    if (program.small) this.#small.add(program.id)
    this.#of(program.id).add(program, kernels)
  }

  forget(program: number): void {
    this.#of(program).forget(program)
    this.#small.delete(program)
  }

  play(job: ControlledJob, times: StepTimes | null): Promise<KernelFailure | null> {
    return this.#of(job.program).play(job, times)
  }

  close(): void {
    this.#workers.close()
    this.#main.close()
  }

  #of(program: number): Pool {
    return this.#small.has(program) ? this.#main : this.#workers
  }
}
