import type { DeviceLimits } from '../../codegen/program.ts'
import type { Tensors } from '../device-tensor.ts'
import type { Health } from '../health.ts'
import type { KernelCache } from './kernel-cache.ts'
import type { LinearMemory } from './linear-memory.ts'
import type { Pool } from './pool.ts'
import type { Scratch } from './scratch.ts'
import type { WasmAllocation, WasmMemory } from './wasm-memory.ts'
import type { WorkQueue } from './work-queue.ts'

/** What the parts of one open WebAssembly device share. */
export interface WasmContext {
  readonly limits: DeviceLimits
  readonly health: Health
  readonly linear: LinearMemory
  readonly memory: WasmMemory
  readonly queue: WorkQueue
  readonly tensors: Tensors<WasmAllocation>
  readonly kernels: KernelCache
  readonly scratch: Scratch
  readonly pool: Pool
  /** 0: the main thread works. */
  readonly workers: number
}
