import { ChildContender } from './child/contender.ts'
import type { ChildKind } from './child/messages.ts'
import type { Contender } from './contender.ts'
import type { BenchDevice } from './implementation.ts'
import { TorchContender } from './torch-contender.ts'

/** Who runs on which device, weft first. On the processor each runs with one thread, and with `threads` if more. */
export function contendersFor(device: BenchDevice, threads: number, peers: boolean): Contender[] {
  const counts = device === 'wasm' && threads > 1 ? [1, threads] : [1]
  const kinds: readonly ChildKind[] = peers ? PEERS[device] : []
  const scripts = (['weft', ...kinds] as const).flatMap((kind) =>
    counts.map((count) => new ChildContender(kind, { device, threads: count })),
  )
  const native = peers ? TORCH[device](threads).map((count) => new TorchContender(count)) : []
  return [...scripts, ...native]
}

/** With which threads PyTorch runs: beside WebGPU it only tells what the processor could do. */
const TORCH: Readonly<Record<BenchDevice, (threads: number) => readonly number[]>> = {
  wasm: (threads) => (threads > 1 ? [1, threads] : [1]),
  webgpu: (threads) => [threads],
  reference: () => [],
}

const PEERS: Readonly<Record<BenchDevice, readonly ChildKind[]>> = {
  wasm: ['jax-js', 'onnxruntime-web'],
  webgpu: ['jax-js', 'onnxruntime-node', 'tfjs'],
  reference: [],
}
