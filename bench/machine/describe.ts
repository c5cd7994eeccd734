import { availableParallelism, cpus } from 'node:os'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly node: string
  readonly system: string
}

export const describeMachine = (): Machine => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown processor',
  cores: availableParallelism(),
  node: process.version,
  system: `${process.platform} ${process.arch}`,
})
