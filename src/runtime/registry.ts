import { DeviceError } from '../util/errors.ts'
import type { OpenedGpu, OpenOptions } from './adapter.ts'
import { announce } from './announce.ts'
import { openBrowserGpu, pageGpu } from './browser.ts'
import type { Device } from './device.ts'
import { hasGraphicsCard } from './graphics-card.ts'
import { openWasm } from './wasm/open-wasm.ts'
import { WasmDevice } from './wasm/wasm-device.ts'
import { WebGpuDevice } from './webgpu-device.ts'

/**
 * `webgpu`: the browser's on a page, Dawn's in Node, a software adapter where there is no other. `wasm`: WebAssembly on
 * the processor. `auto`: webgpu if there is a graphics card, else wasm, which is faster than a software adapter.
 */
export type DeviceName = 'auto' | 'webgpu' | 'wasm'

const shared = new Map<string, Promise<Device>>()
const open = new Set<Device>()

/**
 * The process's device of that kind: opened by the first call, shared by later ones, opened anew if it was lost or
 * disposed of.
 * @throws DeviceError (as a rejection) if there is none, saying what to install.
 */
export const openDevice = (name: DeviceName = 'auto', options: OpenOptions = {}): Promise<Device> =>
  named(name, (kind) => openShared(kind, options))

/** Opens a device of one's own, not shared with anybody. @throws DeviceError (as a rejection) as `openDevice` does. */
export const createDevice = (name: DeviceName = 'auto', options: OpenOptions = {}): Promise<Device> =>
  named(name, (kind) => create(kind, options))

/** A card whose driver fails is no reason not to work at all, for who left the choice open; but they are told. */
async function named(name: DeviceName, openKind: (kind: Device['kind']) => Promise<Device>): Promise<Device> {
  if (name !== 'auto') return openKind(name)
  try {
    if (await hasGraphicsCard()) return await openKind('webgpu')
  } catch (cause) {
    if (!(cause instanceof DeviceError)) throw cause
    announce(`the graphics card cannot be used, WebAssembly is used instead: ${cause.message.split('\n', 1)[0]}`)
  }
  return openKind('wasm')
}

async function openShared(kind: Device['kind'], options: OpenOptions): Promise<Device> {
  const key = JSON.stringify([kind, options.limits, options.unsafe, options.threads, options.memoryBytes])
  const known = shared.get(key)
  if (known) {
    const device = await known
    if (device.lost === null) return device
    if (shared.get(key) === known) shared.delete(key)
    return openShared(kind, options)
  }
  const opening = create(kind, options)
  shared.set(key, opening)
  // Another try may succeed: after a driver was installed, say.
  opening.catch(() => shared.delete(key))
  return opening
}

async function create(kind: Device['kind'], options: OpenOptions): Promise<Device> {
  const device = kind === 'wasm' ? new WasmDevice(await openWasm(options)) : new WebGpuDevice(await openGpu(options))
  closeAtExit()
  open.add(device)
  return device
}

const openGpu = async (options: OpenOptions): Promise<OpenedGpu> =>
  pageGpu() ? openBrowserGpu(options) : (await import('./dawn.ts')).openDawn(options)

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
