import { Blob, resolveObjectURL } from 'node:buffer'
import { Worker as Thread } from 'node:worker_threads'
import type { ImplementationOptions } from '../implementation.ts'
import { browserGpu, defineNavigator } from './browser-gpu.ts'

/**
 * What jax-js expects of a browser and Node lacks: a navigator, with Dawn where the device is WebGPU, and web workers
 * where several threads are asked for. Without workers it computes in the main thread.
 */
export async function standInForBrowser({ device, threads }: ImplementationOptions): Promise<void> {
  addIteratorHelpers()
  defineNavigator({ hardwareConcurrency: threads, gpu: device === 'webgpu' ? await browserGpu() : undefined })
  if (device === 'wasm' && threads > 1) Object.assign(globalThis, { Worker: WebWorker })
}

/** A browser's worker on a thread of Node's: as much of it as jax-js uses. */
class WebWorker {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null
  onerror: ((event: { readonly message: string }) => void) | null = null
  private readonly thread: Promise<Thread>

  constructor(url: string) {
    this.thread = sourceOf(url).then((source) => {
      const thread = new Thread(PRELUDE + source, { eval: true })
      thread.on('message', (data: unknown) => this.onmessage?.({ data }))
      thread.on('error', (error: Error) => this.onerror?.({ message: error.message }))
      return thread
    })
  }

  postMessage(message: unknown): void {
    void this.thread.then((thread) => thread.postMessage(message))
  }
}

/** Gives a thread of Node's the names that a browser's worker has. */
const PRELUDE = `
const { parentPort } = require('node:worker_threads')
globalThis.self = globalThis
globalThis.postMessage = (message) => parentPort.postMessage(message)
parentPort.on('message', (data) => globalThis.onmessage({ data }))
`

async function sourceOf(url: string): Promise<string> {
  const blob = resolveObjectURL(url)
  if (!(blob instanceof Blob)) throw new Error(`no worker behind ${url}`)
  return blob.text()
}

/** Methods of iterators that Node 20 lacks, as far as jax-js calls them. */
function addIteratorHelpers(): void {
  const prototype: object = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))
  const helpers: Readonly<Record<string, (this: Iterable<unknown>, f: (x: unknown) => unknown) => unknown>> = {
    *map(f) {
      for (const x of this) yield f(x)
    },
    *filter(f) {
      for (const x of this) if (f(x)) yield x
    },
    toArray() {
      return [...this]
    },
    every(f) {
      return [...this].every(f)
    },
    some(f) {
      return [...this].some(f)
    },
  }
  for (const [name, value] of Object.entries(helpers)) {
    if (!(name in prototype)) Object.defineProperty(prototype, name, { value, configurable: true, writable: true })
  }
}
