import type { OpenOptions } from './adapter.ts'
import { openBrowserGpu, pageGpu } from './browser.ts'
import type { Device } from './device.ts'
import { WebGpuDevice } from './webgpu-device.ts'

/** `webgpu` and `auto` are the same today: the browser's WebGPU on a page, Dawn's in Node. */
export type DeviceName = 'webgpu' | 'auto'

const shared = new Map<string, Promise<Device>>()
const open = new Set<Device>()

/**
 * The process's device of that kind: opened by the first call, shared by later ones, opened anew if it was lost or
 * disposed of.
 * @throws DeviceError (as a rejection) if there is none, saying what to install.
 */
export async function openDevice(name: DeviceName = 'auto', options: OpenOptions = {}): Promise<Device> {
  const key = `${name === 'auto' ? 'webgpu' : name} ${options.limits ?? 'full'} ${options.unsafe === true}`
  const known = shared.get(key)
  if (known) {
    const device = await known
    if (device.lost === null) return device
    if (shared.get(key) === known) shared.delete(key)
    return openDevice(name, options)
  }
  const opening = createDevice(options)
  shared.set(key, opening)
  // Another try may succeed: after a driver was installed, say.
  opening.catch(() => shared.delete(key))
  return opening
}

/** Opens a device of one's own, not shared with anybody. @throws DeviceError (as a rejection) as `openDevice` does. */
export async function createDevice(options: OpenOptions = {}): Promise<Device> {
  const opened = pageGpu() ? await openBrowserGpu(options) : await (await import('./dawn.ts')).openDawn(options)
  const device = new WebGpuDevice(opened)
  closeAtExit()
  open.add(device)
  return device
}

/** Disposes of every device of the process. Pending reads reject; `openDevice` opens anew. */
export function closeDevices(): void {
  shared.clear()
  for (const device of open) device.dispose()
  open.clear()
}

let hooked = false

/** Native threads that still work on a device when the process ends can crash it: let the devices go first. */
function closeAtExit(): void {
  if (hooked || typeof process === 'undefined' || typeof process.once !== 'function') return
  hooked = true
  process.once('exit', closeDevices)
}
