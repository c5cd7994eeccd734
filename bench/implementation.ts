import type { Inputs } from './inputs.ts'
import type { Problem } from './problem.ts'

/** Results by name: a single one is `result`; a decoder's are `loss`, `losses`, `logits`, and gradients by weight. */
export type Outputs = Readonly<Record<string, Float32Array>>

/** A library, or one way to use it, in the process that it has to itself. */
export interface Implementation {
  /** Of the library, and of what it runs on where that matters. */
  readonly version: string
  /** Traces, compiles, uploads: all that is done once. @throws Unsupported for what the library cannot do. */
  prepare(problem: Problem, inputs: Inputs): Promise<Prepared>
}

/** One problem, ready to run. */
export interface Prepared {
  /** One run; it resolves when the device is done. */
  run(): Promise<void>
  /** The results, computed from the inputs as they were given, whatever ran before. */
  outputs(): Promise<Outputs>
  /** What its compiler made of the problem, where it tells. */
  facts?(): Promise<ProgramFacts>
  dispose(): void
}

/** Figures of a compiled program. */
export interface ProgramFacts {
  /** Kernels that one run starts. */
  readonly kernelCalls: number
  /** Distinct ones, each compiled once. */
  readonly pipelines: number
  /** Memory for temporaries as planned, and the most of it that is alive at one time, below which no plan can go. */
  readonly plannedBytes: number
  readonly livenessBytes: number
  /** Kernels to compile for another length of the sequence, the worst of those tried; null where there is none. */
  readonly newPipelines: number | null
}

/** How an implementation is to be opened. */
export interface ImplementationOptions {
  readonly device: BenchDevice
  readonly threads: number
}

export type BenchDevice = 'wasm' | 'webgpu' | 'reference'

/** Something that a library has no means for: no failure, and said in its row. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported'
}
