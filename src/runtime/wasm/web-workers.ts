import type { StartWorker, WorkerHandle } from './worker-pool.ts'

/** What weft uses of a page's Worker: Node's types know none. */
interface PageWorker {
  postMessage(message: unknown): void
  terminate(): void
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onerror: ((event: { readonly message?: string }) => void) | null
}

const PORT = `
const receive = (take) => { self.onmessage = (event) => take(event.data) }
const send = (message) => self.postMessage(message)
const clock = () => performance.timeOrigin + performance.now()
`

/** Longer than any worker takes to start, so that a page whose policy swallows workers does not wait for ever. */
const PATIENCE_MS = 3000

const isPageWorker = (x: unknown): x is PageWorker => typeof x === 'object' && x !== null && 'postMessage' in x

/** Starts a worker from text. @throws what the page's Worker throws. */
function start(text: string): PageWorker {
  const Worker: unknown = Reflect.get(globalThis, 'Worker')
  if (typeof Worker !== 'function') throw new TypeError('there are no workers here')
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  try {
    const worker: unknown = Reflect.construct(Worker, [url, { name: 'weft' }])
    if (!isPageWorker(worker)) throw new TypeError('the Worker of this page is none')
    return worker
  } finally {
    // The worker has fetched the text, or is about to: its own request keeps it.
    setTimeout(() => URL.revokeObjectURL(url), PATIENCE_MS)
  }
}

export const startWebWorker: StartWorker = (source, events): WorkerHandle => {
  const worker = start(PORT + source)
  worker.onmessage = ({ data }) => events.message(data)
  worker.onerror = ({ message }) => events.died(message ?? 'it gave no reason')
  return { post: (message) => worker.postMessage(message), hold: () => {}, terminate: () => worker.terminate() }
}

/** Tries whether the page lets workers start and share memory: its headers or its policy may forbid either. */
export async function workersStart(): Promise<boolean> {
  if (Reflect.get(globalThis, 'crossOriginIsolated') !== true) return false
  let worker: PageWorker | undefined
  try {
    const started = start('self.postMessage(0)')
    worker = started
    return await new Promise<boolean>((resolve) => {
      started.onmessage = () => resolve(true)
      started.onerror = () => resolve(false)
      setTimeout(() => resolve(false), PATIENCE_MS)
    })
  } catch {
    return false // the policy says so by throwing
  } finally {
    worker?.terminate()
  }
}
