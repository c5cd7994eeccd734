import { DeviceError } from '../util/errors.ts'
import { findAdapter, isSoftware } from './adapter.ts'
import { pageGpu } from './browser.ts'

let known: Promise<boolean> | null = null

/**
 * Is there a GPU that is not played by the processor? Looked for once.
 * @throws DeviceError (as a rejection) if there are signs of one, and looking for it fails.
 */
export function hasGraphicsCard(): Promise<boolean> {
  known ??= look()
  return known
}

async function look(): Promise<boolean> {
  const page = pageGpu()
  if (!page && !(await nodeShowsSigns())) return false
  try {
    if (!page) return await (await import('./dawn.ts')).dawnFindsCard()
    const adapter = await findAdapter(page)
    return adapter !== null && !isSoftware(adapter.info)
  } catch (cause) {
    if (cause instanceof DeviceError) throw cause
    throw new DeviceError(`the search for it failed: ${String(cause)}`) // a driver that fails
  }
}

async function nodeShowsSigns(): Promise<boolean> {
  if (typeof process === 'undefined' || !process.versions?.node) return false
  try {
    return await (await import('./node-card-signs.ts')).mayHaveCard()
  } catch {
    return false // a bundle for pages, which leaves that file out, where something plays Node's `process`
  }
}
