import type { ControlledJob } from './control.ts'
import type { FlatStep } from './flat-steps.ts'

/** What a pool must know before it can play a program. */
export interface PoolProgram {
  readonly id: number
  readonly steps: readonly FlatStep[]
  /** So little work that one thread does it sooner than several would share it. */
  readonly small: boolean
}

export interface PoolKernel {
  readonly id: number
  readonly module: WebAssembly.Module
}

/** The first kernel of a job that failed: at which step, and what the engine says. */
export interface KernelFailure {
  readonly at: number
  readonly message: string
}

/** Of every step run its position, begin and end in milliseconds, one after another; zeros for steps not run. */
export type StepTimes = Float64Array

/** Those who do the work: workers, or the main thread itself in slices. One job at a time. */
export interface Pool {
  /** Kernels that came before may come again. */
  add(program: PoolProgram, kernels: readonly PoolKernel[]): void
  forget(program: number): void
  /** Steps are timed if there is room for their times. */
  play(job: ControlledJob, times: StepTimes | null): Promise<KernelFailure | null>
  close(): void
}
