import type { TensorReader } from '../allocation.ts'
import type { Health } from '../health.ts'
import type { LinearMemory } from './linear-memory.ts'
import type { WasmAllocation } from './wasm-memory.ts'
import type { WorkQueue } from './work-queue.ts'

/** Reads tensors when all that was asked for before is done. */
export class WasmReader implements TensorReader<WasmAllocation> {
  readonly #linear: LinearMemory
  readonly #queue: WorkQueue
  readonly #health: Health

  constructor(linear: LinearMemory, queue: WorkQueue, health: Health) {
    this.#linear = linear
    this.#queue = queue
    this.#health = health
  }

  read<T>({ address }: WasmAllocation, bytes: number, take: (contents: Uint8Array) => T): Promise<T> {
    return this.#health.guard(this.#queue.result(() => take(this.#linear.bytes.subarray(address, address + bytes))))
  }
}
