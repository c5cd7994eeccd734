import { availableParallelism, cpus } from 'node:os'
import { ENGINE_FLAGS } from '../../scripts/engine-flags.ts'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly node: string
  /** Flags that Node runs with, for everyone who runs in it. */
  readonly flags: readonly string[]
  readonly system: string
}

export const describeMachine = (): Machine => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown processor',
  cores: availableParallelism(),
  node: process.version,
  flags: ENGINE_FLAGS,
  system: `${process.platform} ${process.arch}`,
})
