import { Worker } from 'node:worker_threads'
import { FLOPS_PER_ROUND, peakModule } from './peak-module.ts'

/** What the machine gives at best, for stating shares of it. */
export interface Peak {
  /** GFLOP/s of f32x4 multiplications and additions in WebAssembly: one thread alone, and all together. */
  readonly oneThread: number
  readonly allThreads: number
  readonly threads: number
  /** Is a multiplication with an addition one instruction (relaxed SIMD)? */
  readonly fused: boolean
  /** GB/s read and written by copying memory, in one thread. */
  readonly copy: number
}

const ROUNDS = 5_000_000
const TRIES = 5
const COPY_BYTES = 64 * 1024 * 1024

/** Best of some tries each: a peak is what nothing disturbed. */
export async function measurePeak(threads: number): Promise<Peak> {
  const fused = WebAssembly.validate(peakModule(true))
  const module = new WebAssembly.Module(peakModule(fused))
  const oneThread = await throughput(module, 1)
  return {
    oneThread,
    allThreads: threads > 1 ? await throughput(module, threads) : oneThread,
    threads,
    fused,
    copy: copyBandwidth(),
  }
}

/** Starts when all are there, so that they run at the same time; says how long each try took. */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads')
const { module, rounds, tries, arrived, threads } = workerData
const { run } = new WebAssembly.Instance(module).exports
run(rounds)
const times = []
for (let i = 1; i <= tries; i++) {
  Atomics.add(arrived, 0, 1)
  while (Atomics.load(arrived, 0) < i * threads);
  const begun = performance.now()
  run(rounds)
  times.push(performance.now() - begun)
}
parentPort.postMessage(times)
`

async function throughput(module: WebAssembly.Module, threads: number): Promise<number> {
  const arrived = new Int32Array(new SharedArrayBuffer(4))
  const workerData = { module, rounds: ROUNDS, tries: TRIES, arrived, threads }
  const times = await Promise.all(
    Array.from({ length: threads }, () => {
      const worker = new Worker(WORKER, { eval: true, workerData })
      return new Promise<readonly number[]>((resolve, reject) => worker.on('message', resolve).on('error', reject))
    }),
  )
  const slowest = Array.from({ length: TRIES }, (_, i) => Math.max(...times.map((own) => own[i]!)))
  return (threads * ROUNDS * FLOPS_PER_ROUND) / (Math.min(...slowest) / 1000) / 1e9
}

function copyBandwidth(): number {
  const from = new Uint8Array(COPY_BYTES).fill(1)
  const to = new Uint8Array(COPY_BYTES).fill(2)
  const times = Array.from({ length: TRIES }, () => {
    const begun = performance.now()
    to.set(from)
    return performance.now() - begun
  })
  return (2 * COPY_BYTES) / (Math.min(...times) / 1000) / 1e9
}
