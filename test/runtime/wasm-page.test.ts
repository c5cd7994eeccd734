import { resolveObjectURL } from 'node:buffer'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { compile } from '../../src/compile.ts'
import { exp, mul, spec, tensor } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { createDevice } from '../../src/runtime/registry.ts'
import { LinearMemory } from '../../src/runtime/wasm/linear-memory.ts'
import { WasmDevice } from '../../src/runtime/wasm/wasm-device.ts'
import { startWebWorker, workersStart } from '../../src/runtime/wasm/web-workers.ts'
import { addInPlace } from './wasm-programs.ts'

/** A page's Worker, played by Node's. */
class PageWorker {
  onmessage: ((event: { data: unknown }) => void) | null = null
  onerror: ((event: { message: string }) => void) | null = null
  readonly #worker: Promise<Worker>

  constructor(url: string) {
    this.#worker = this.#start(url)
  }

  async #start(url: string): Promise<Worker> {
    const text = await resolveObjectURL(url)!.text()
    const scope = `
      const port = require('node:worker_threads').parentPort
      globalThis.self = { postMessage: (data) => port.postMessage(data) }
      port.on('message', (data) => self.onmessage({ data }))
    `
    const worker = new Worker(scope + text, { eval: true, execArgv: [] })
    worker.on('message', (data: unknown) => this.onmessage?.({ data }))
    worker.on('error', (error) => this.onerror?.({ message: String(error) }))
    return worker
  }

  postMessage(data: unknown): void {
    void this.#worker.then((worker) => worker.postMessage(data))
  }

  terminate(): void {
    void this.#worker.then((worker) => worker.terminate())
  }
}

const pretend = (names: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(names)) Reflect.set(globalThis, name, value)
}
afterEach(() => {
  for (const name of ['crossOriginIsolated', 'Worker']) Reflect.deleteProperty(globalThis, name)
})

test('workers start from a Blob and play programs', async () => {
  pretend({ crossOriginIsolated: true, Worker: PageWorker })
  expect(await workersStart()).toBe(true)
  const device = new WasmDevice({
    linear: new LinearMemory(),
    threads: 2,
    startWorker: startWebWorker,
    relaxed: false,
    collect: () => {},
  })
  const executable = await device.load(addInPlace(1000, 1, 20))
  const x = device.upload({ dtype: 'f32', shape: [1000], data: new Float32Array(1000) })
  const { outputs, times } = await executable.profile([x])
  expect(new Set((await outputs[0]!.read()).data)).toEqual(new Set([20]))
  expect(times.length).toBe(20)
  for (const time of times) expect(time.nanoseconds).toBeGreaterThanOrEqual(0)
  device.dispose()
})

test('a page that is not isolated, or whose policy forbids workers, has none', async () => {
  expect(await workersStart()).toBe(false)
  class Refused {
    constructor() {
      throw new Error('refused by the content security policy')
    }
  }
  pretend({ crossOriginIsolated: true, Worker: Refused })
  expect(await workersStart()).toBe(false)
  class Failing {
    onerror: ((event: object) => void) | null = null
    postMessage(): void {}
    terminate(): void {}
    constructor() {
      setTimeout(() => this.onerror?.({}), 0)
    }
  }
  pretend({ Worker: Failing })
  expect(await workersStart()).toBe(false)
})

test('where an engine shares no memory, the main thread computes on one of its own', async () => {
  const { Memory } = WebAssembly
  class OwnMemory extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      if (descriptor.shared) throw new TypeError('shared memory is disabled')
      super(descriptor)
    }
  }
  Reflect.set(WebAssembly, 'Memory', OwnMemory)
  try {
    const device = await createDevice('wasm', { threads: 0 })
    const double = compile((x: Tensor): Tensor => mul(exp(x), 2), [spec([5])], { device })
    const result = await (await double(tensor([0, 1, 2, 3, 4]))).read()
    expect([...result].map(Math.round)).toEqual([2, 5, 15, 40, 109])
    device.dispose()
    await expect(createDevice('wasm', { threads: 1 })).rejects.toThrow('shared memory is disabled')
  } finally {
    Reflect.set(WebAssembly, 'Memory', Memory)
  }
})
