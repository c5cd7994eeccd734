import { ValueError } from '../../util/errors.ts'
import type { OpenOptions } from '../adapter.ts'
import { NO_COLLECTOR } from '../collector.ts'
import { assertSimd, hasRelaxedMadd } from './features.ts'
import { LinearMemory } from './linear-memory.ts'
import type { OpenedWasm } from './wasm-device.ts'
import { startWebWorker, workersStart } from './web-workers.ts'

/** More threads wait for memory rather than compute. */
const MOST_THREADS = 16

/**
 * Opens the processor as a device.
 * @throws DeviceError if the engine has no SIMD, or gives no memory.
 */
export async function openWasm(options: OpenOptions = {}): Promise<OpenedWasm> {
  assertSimd()
  const { threads, memoryBytes } = options
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 0)) {
    throw new ValueError(`threads: ${threads} is not a whole number of 0 or more`)
  }
  const relaxed = hasRelaxedMadd()
  if (isNode()) {
    const [{ startNodeWorker, processors }, { nodeCollector }] = await Promise.all([
      import('./node-workers.ts'),
      import('../node-collector.ts'),
    ])
    const count = Math.min(MOST_THREADS, threads ?? processors())
    const linear = new LinearMemory(memoryBytes, count > 0)
    return { linear, threads: count, startWorker: startNodeWorker, relaxed, collect: await nodeCollector() }
  }
  const startWorker = threads !== 0 && (await workersStart()) ? startWebWorker : null
  return {
    linear: new LinearMemory(memoryBytes, startWorker !== null),
    threads: Math.min(MOST_THREADS, threads ?? pageProcessors()),
    startWorker,
    relaxed,
    collect: NO_COLLECTOR,
  }
}

const isNode = (): boolean => typeof process === 'object' && typeof process.versions?.node === 'string'

function pageProcessors(): number {
  const scope: unknown = Reflect.get(globalThis, 'navigator')
  if (typeof scope !== 'object' || scope === null || !('hardwareConcurrency' in scope)) return 1
  return typeof scope.hardwareConcurrency === 'number' ? scope.hardwareConcurrency : 1
}
