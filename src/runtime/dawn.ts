import { DeviceError } from '../util/errors.ts'
import { findAdapter, isSoftware, type OpenedGpu, type OpenOptions, openAdapter } from './adapter.ts'
import { driverHint } from './driver-hint.ts'
import { IdleWaits } from './idle-waits.ts'
import { nodeCollector } from './node-collector.ts'
import { adapterKey, readTilings } from './tiling-cache.ts'

/**
 * Everything Dawn gave out, for the life of the process: when one of these is garbage collected, the next call into
 * Dawn hangs or crashes in native code.
 */
const instances = new Map<string, GPU>()
const kept: (GPUAdapter | GPUDevice)[] = []

/**
 * Opens a GPU in Node through Dawn, hardware before software.
 * On some drivers Dawn writes warnings to stderr at this point ("artificially reduced", XDG_RUNTIME_DIR): harmless,
 * and out of JavaScript's reach.
 * @throws DeviceError if the package is not there or no adapter is, saying what to install on this system.
 */
export async function openDawn(options: OpenOptions = {}): Promise<OpenedGpu> {
  const instance = await dawnInstance(options.unsafe === true)
  const adapter = await findAdapter(instance)
  if (!adapter) {
    throw new DeviceError('no GPU adapter found, not even a software one', { hint: await hintForThisSystem() })
  }
  kept.push(adapter)
  try {
    const opened = await openAdapter(adapter, options.unsafe ? 'Dawn, unchecked' : 'Dawn', options)
    kept.push(opened.gpu)
    const waits = opened.software ? new IdleWaits() : opened.waits
    return { ...(await withTilings(opened, adapter)), waits, collect: await nodeCollector() }
  } catch (cause) {
    throw new DeviceError(`the GPU adapter gave no device: ${String(cause)}`, { hint: await hintForThisSystem() })
  }
}

/** With what `weft tune` measured on this adapter. */
async function withTilings(opened: OpenedGpu, { info }: GPUAdapter): Promise<OpenedGpu> {
  const { gpu } = opened.limits
  const adapter = adapterKey(info)
  return gpu
    ? { ...opened, limits: { ...opened.limits, gpu: { ...gpu, adapter, measured: await readTilings(adapter) } } }
    : opened
}

/** Does Dawn find a graphics card? @throws DeviceError if there is no Dawn. */
export async function dawnFindsCard(): Promise<boolean> {
  const adapter = await findAdapter(await dawnInstance(false))
  if (!adapter) return false
  kept.push(adapter)
  return !isSoftware(adapter.info)
}

async function dawnInstance(unsafe: boolean): Promise<GPU> {
  // Quantised timestamps (100 us, against attacks from pages) would make kernel times useless.
  const flags = ['disable-dawn-features=timestamp_quantization']
  if (unsafe) flags.push('enable-dawn-features=allow_unsafe_apis,disable_robustness,skip_validation')
  const key = flags.join(' ')
  const known = instances.get(key)
  if (known) return known
  const { create } = await loadPackage()
  // Two callers may have waited for the package at the same time.
  const instance = instances.get(key) ?? create(flags)
  instances.set(key, instance)
  return instance
}

async function loadPackage(): Promise<typeof import('webgpu')> {
  try {
    return await import('webgpu')
  } catch (cause) {
    throw new DeviceError(`Dawn could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, {
      hint: 'npm install webgpu (it has builds for x64 and arm64 Linux, macOS and Windows)',
    })
  }
}

async function hintForThisSystem(): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  const osRelease = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return driverHint(process.platform, osRelease)
}
