import type { Case } from './cases.ts'
import type { Outputs, ProgramFacts } from './implementation.ts'

/** An implementation as the benchmark sees it: somewhere else, timed where it runs. */
export interface Contender {
  readonly name: string
  /** What it runs on: wasm, webgpu, cpu. */
  readonly device: string
  readonly threads: number
  /** Does it run in JavaScript, as weft does? */
  readonly script: boolean
  /** Starts it. Rejects where it cannot be had, saying why. Resolves to its version. */
  open(): Promise<string>
  /** Rejects with Unsupported, or because of a failure. */
  prepare(what: Case): Promise<PreparedCase>
  /** Between `pause` and `resume` it does nothing at all. */
  pause(): void
  resume(): void
  close(): Promise<void>
}

export interface PreparedCase {
  /** Milliseconds from knowing the case to having its first result. */
  readonly firstCall: number
  /** One run; milliseconds. */
  run(): Promise<number>
  outputs(): Promise<Outputs>
  /** What its compiler made of the case; null where it does not tell. */
  facts(): Promise<ProgramFacts | null>
  dispose(): Promise<void>
}
