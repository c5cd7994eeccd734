import type { Contender } from '../../bench/contender.ts'
import type { Outputs, ProgramFacts } from '../../bench/implementation.ts'

interface Fake {
  readonly name: string
  readonly outputs?: Outputs
  readonly facts?: ProgramFacts
  readonly firstCall?: number
  /** Milliseconds that a run claims to take. */
  readonly time?: number
  readonly onOpen?: () => void
  readonly onPrepare?: () => void
  readonly onRun?: () => void
}

export const RIGHT: Outputs = { result: Float32Array.of(1, 2, 3) }

/** A contender that computes nothing and takes the time that it is told. */
export const fakeContender = ({
  name,
  outputs = RIGHT,
  facts,
  time = 1,
  firstCall = 5,
  onOpen,
  onPrepare,
  onRun,
}: Fake): Contender => ({
  name,
  device: 'wasm',
  threads: 1,
  script: true,
  async open() {
    onOpen?.()
    return `${name} 1.0`
  },
  async prepare() {
    onPrepare?.()
    return {
      firstCall,
      async run() {
        onRun?.()
        return time
      },
      outputs: async () => outputs,
      facts: async () => facts ?? null,
      dispose: async () => {},
    }
  },
  pause() {},
  resume() {},
  async close() {},
})
