import type { ControlledJob } from './control.ts'
import type { FlatStep } from './flat-steps.ts'

/** What a pool must know before it can play a program. */
export interface PoolProgram {
  readonly id: number
  readonly steps: readonly FlatStep[]
}

export interface PoolKernel {
  readonly id: number
  readonly module: WebAssembly.Module
}

export interface Played {
  /** The first kernel that failed: at which step, and what the engine says. */
  readonly failure: { readonly at: number; readonly message: string } | null
  /** If the job was timed: of every step run the position, begin and end in milliseconds, one after another. */
  readonly times: readonly number[]
}

/** Those who do the work: workers, or the main thread itself in slices. One job at a time. */
export interface Pool {
  /** Kernels that came before may come again. */
  add(program: PoolProgram, kernels: readonly PoolKernel[]): void
  forget(program: number): void
  play(job: ControlledJob): Promise<Played>
  close(): void
}
