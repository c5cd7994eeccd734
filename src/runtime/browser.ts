import { DeviceError } from '../util/errors.ts'
import { findAdapter, type OpenedGpu, type OpenOptions, openAdapter } from './adapter.ts'

const isGpu = (value: unknown): value is GPU => typeof value === 'object' && value !== null && 'requestAdapter' in value

/** The `navigator.gpu` of a page or worker (or Deno), or null. Node's types know no `navigator`. */
export function pageGpu(): GPU | null {
  const scope: object = globalThis
  if (!('navigator' in scope)) return null
  const { navigator } = scope
  if (typeof navigator !== 'object' || navigator === null || !('gpu' in navigator)) return null
  return isGpu(navigator.gpu) ? navigator.gpu : null
}

/**
 * Opens the browser's GPU.
 * @throws DeviceError if the browser has no WebGPU, or no adapter.
 */
export async function openBrowserGpu(options: OpenOptions = {}): Promise<OpenedGpu> {
  const gpu = pageGpu()
  if (!gpu) {
    throw new DeviceError('this browser offers no WebGPU', {
      hint: 'use a current Chrome, Edge, Safari or Firefox, and serve the page over https or from localhost',
    })
  }
  const adapter = await findAdapter(gpu)
  if (!adapter) {
    throw new DeviceError('the browser found no GPU adapter', {
      hint: 'turn on hardware acceleration in its settings, update the graphics driver, see chrome://gpu',
    })
  }
  try {
    return await openAdapter(adapter, 'browser', options)
  } catch (cause) {
    throw new DeviceError(`the browser gave no GPU device: ${String(cause)}`, { hint: 'reload the page' })
  }
}
