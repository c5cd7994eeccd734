import type { Case } from './cases.ts'
import { ChildContender } from './child/contender.ts'
import type { ChildKind } from './child/messages.ts'
import type { Contender } from './contender.ts'
import type { BenchDevice } from './implementation.ts'
import { TorchContender } from './torch-contender.ts'

/** weft with the numbers of threads that others are measured with: what it reaches at best is the device's roof. */
export const roofContenders = (device: BenchDevice, threads: number): Contender[] =>
  contendersFor(device, threads, { peers: false, cold: false }).filter(({ name }) => name === 'weft')

export interface Taking {
  /** Others than weft, too. */
  readonly peers: boolean
  /** First calls find no kernels that the driver kept from earlier processes. */
  readonly cold: boolean
}

/** Who runs on which device, weft first. On the processor each runs with one thread, and with `threads` if more. */
export function contendersFor(device: BenchDevice, threads: number, { peers, cold }: Taking): Contender[] {
  const counts = device === 'wasm' ? [...new Set([1, threads])] : [1]
  const kinds: readonly ChildKind[] = peers ? PEERS[device] : []
  const scripts = (['weft', 'weft-unfused', ...kinds] as const).flatMap((kind) =>
    counts.map((count) => new ChildContender(kind, { device, threads: count }, cold)),
  )
  // Beside WebGPU it only tells what the processor could do.
  const torch = { wasm: counts, webgpu: [threads], reference: [] }[device]
  const native = peers ? torch.map((count) => new TorchContender(count)) : []
  return [...scripts, ...native]
}

const PEERS: Readonly<Record<BenchDevice, readonly ChildKind[]>> = {
  wasm: ['jax-js', 'onnxruntime-web'],
  webgpu: ['jax-js', 'onnxruntime-node', 'tfjs'],
  reference: [],
}

/** Is one of this name to be measured in the case? Who cannot do a case takes part, and says so. */
export function takesPart(name: string, { problem: { kind } }: Case): boolean {
  if (name === 'weft') return true
  return kind === 'mmca' ? name === 'weft-unfused' : kind !== 'visualchat' && name !== 'weft-unfused'
}
