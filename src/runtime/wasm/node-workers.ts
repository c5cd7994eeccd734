import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { StartWorker } from './worker-pool.ts'

/** How many threads can run at once. */
export const processors = (): number => availableParallelism()

const PORT = `
const { parentPort } = require('node:worker_threads')
const receive = (take) => parentPort.on('message', take)
const send = (message) => parentPort.postMessage(message)
const clock = () => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
`

/**
 * A worker thread of Node. It does not inherit flags or NODE_OPTIONS: a loader of TypeScript, say, would be loaded
 * again in each, and the text below is JavaScript.
 */
export const startNodeWorker: StartWorker = (source, events) => {
  const worker = new Worker(PORT + source, { eval: true, execArgv: [], env: {}, name: 'weft' })
  worker.on('message', (data: unknown) => events.message(data))
  worker.on('error', (error) => events.died(String(error)))
  worker.on('exit', (code) => events.died(`it ended with code ${code}`))
  worker.unref()
  return {
    post: (message) => worker.postMessage(message),
    hold: (held) => {
      if (held) worker.ref()
      else worker.unref()
    },
    terminate: () => {
      void worker.terminate()
    },
  }
}
