import type { Contender } from '../../bench/contender.ts'
import type { Outputs } from '../../bench/implementation.ts'

interface Fake {
  readonly name: string
  readonly outputs?: Outputs
  /** Milliseconds that a run claims to take. */
  readonly time?: number
  readonly onOpen?: () => void
  readonly onPrepare?: () => void
  readonly onRun?: () => void
}

export const RIGHT: Outputs = { result: Float32Array.of(1, 2, 3) }

/** A contender that computes nothing and takes the time that it is told. */
export const fakeContender = ({ name, outputs = RIGHT, time = 1, onOpen, onPrepare, onRun }: Fake): Contender => ({
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
      firstCall: 5,
      async run() {
        onRun?.()
        return time
      },
      outputs: async () => outputs,
      dispose: async () => {},
    }
  },
  pause() {},
  resume() {},
  async close() {},
})
