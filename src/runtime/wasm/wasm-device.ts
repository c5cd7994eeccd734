import type { DeviceLimits, Program } from '../../codegen/program.ts'
import type { HostArray } from '../../ir/dtype.ts'
import { DeviceError } from '../../util/errors.ts'
import type { Collector } from '../collector.ts'
import type { Device, DeviceBuffer, DeviceMemory, Executable } from '../device.ts'
import { Tensors } from '../device-tensor.ts'
import { Health } from '../health.ts'
import { NO_WAITS } from '../idle-waits.ts'
import { encode, tensorBytes } from '../layout.ts'
import { tensorText } from '../size-text.ts'
import { HybridPool } from './hybrid-pool.ts'
import { InlinePool } from './inline-pool.ts'
import { KernelCache } from './kernel-cache.ts'
import type { LinearMemory } from './linear-memory.ts'
import { Scratch } from './scratch.ts'
import type { WasmContext } from './wasm-context.ts'
import { WasmLoader } from './wasm-loader.ts'
import { WasmMemory } from './wasm-memory.ts'
import { WasmReader } from './wasm-reader.ts'
import { WorkQueue } from './work-queue.ts'
import { type StartWorker, WorkerPool } from './worker-pool.ts'

/** What a WebAssembly device is made of. */
export interface OpenedWasm {
  readonly linear: LinearMemory
  /** 0, or no way to start workers: the main thread works, in slices. */
  readonly threads: number
  readonly startWorker: StartWorker | null
  /** The engine has relaxed SIMD. */
  readonly relaxed: boolean
  readonly collect: Collector
}

/** A device on the processor: WebAssembly kernels on one memory, played by worker threads that share it, or by the main thread. */
export class WasmDevice implements Device {
  readonly kind = 'wasm'
  readonly description: string
  readonly software = true
  readonly limits: DeviceLimits
  readonly timestamps = true
  readonly subgroups = null
  readonly #context: WasmContext
  readonly #loader: WasmLoader

  constructor(opened: OpenedWasm) {
    const { linear, startWorker, relaxed, collect } = opened
    const workers = startWorker ? opened.threads : 0
    this.description = describe(workers, relaxed)
    this.limits = limitsOf(linear.maximumBytes, relaxed)
    const health = new Health(NO_WAITS)
    const memory = new WasmMemory(linear, this.limits.bufferBytes, collect)
    const queue = new WorkQueue()
    const onDeath = (reason: string): void => health.fail(workerDied(reason))
    this.#context = {
      limits: this.limits,
      health,
      linear,
      memory,
      queue,
      tensors: new Tensors(this.description, memory, new WasmReader(linear, queue, health), health),
      kernels: new KernelCache(linear),
      scratch: new Scratch(memory, Math.max(1, workers)),
      pool:
        startWorker && workers > 0
          ? new HybridPool(new WorkerPool(workers, linear.memory, startWorker, onDeath), new InlinePool(linear.memory))
          : new InlinePool(linear.memory),
      workers,
    }
    this.#loader = new WasmLoader(this.#context)
  }

  get lost(): string | null {
    return this.#context.health.failure?.message ?? null
  }

  owns(x: object): x is DeviceBuffer {
    return this.#context.tensors.own(x)
  }

  upload(array: HostArray, name = 'a tensor'): DeviceBuffer {
    const { health, linear, memory, queue, tensors } = this.#context
    health.assertAlive()
    const what = () => `${name} (${tensorText(array.dtype, array.shape)})`
    const bytes = tensorBytes(array.dtype, array.shape)
    memory.assertFits(bytes, what)
    const encoded = encode(array, name)
    const allocation = memory.allocate(bytes, what)
    // The caller may change the array as soon as this returns.
    const waits = !queue.idle && encoded.buffer === array.data.buffer
    const contents = waits ? encoded.slice() : encoded
    queue.push(() => linear.bytes.set(contents, allocation.address))
    return tensors.wrap(allocation, array.dtype, [...array.shape], name)
  }

  async load(program: Program): Promise<Executable> {
    this.#context.health.assertAlive()
    return this.#loader.load(program)
  }

  async finish(): Promise<void> {
    const { health, queue } = this.#context
    health.assertAlive()
    await health.guard(queue.result(() => {}))
    const error = health.takeError()
    if (error) throw error
  }

  memory(): DeviceMemory {
    return this.#context.memory.stats()
  }

  dispose(): void {
    const { health, kernels, linear, memory, pool, queue } = this.#context
    health.dispose()
    queue.close()
    pool.close()
    kernels.close()
    memory.close()
    linear.close()
  }
}

function limitsOf(maximumBytes: number, relaxed: boolean): DeviceLimits {
  const most = maximumBytes - 65536
  return {
    target: 'wasm',
    storageBuffersPerKernel: 64,
    bindingBytes: most,
    bufferBytes: most,
    invocationsPerWorkgroup: 1,
    workgroupsPerDimension: 2 ** 31 - 1,
    workgroupMemoryBytes: Math.min(2 ** 28, most),
    f16: true,
    fusedMultiplyAdd: relaxed,
  }
}

function describe(workers: number, relaxed: boolean): string {
  const who = workers === 0 ? 'on the main thread' : workers === 1 ? '1 thread' : `${workers} threads`
  return `WebAssembly SIMD, ${who}${relaxed ? ', relaxed' : ''}`
}

const workerDied = (reason: string): DeviceError =>
  new DeviceError(`a thread of the WebAssembly device died: ${reason}`, {
    hint: 'everything on it is gone: open another with openDevice(), load and upload again',
  })
