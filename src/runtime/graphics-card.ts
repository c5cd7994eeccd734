import { findAdapter, isSoftware } from './adapter.ts'
import { pageGpu } from './browser.ts'

let known: Promise<boolean> | null = null

/** Is there a GPU that is not played by the processor? Looked for once. */
export function hasGraphicsCard(): Promise<boolean> {
  known ??= look()
  return known
}

async function look(): Promise<boolean> {
  try {
    const page = pageGpu()
    if (page) {
      const adapter = await findAdapter(page)
      return adapter !== null && !isSoftware(adapter.info)
    }
    if (typeof process === 'undefined' || !process.versions?.node) return false
    const { mayHaveCard } = await import('./node-card-signs.ts')
    if (!(await mayHaveCard())) return false
    return await (await import('./dawn.ts')).dawnFindsCard()
  } catch {
    return false // no Dawn, or a driver that fails: whoever asks for webgpu is told why
  }
}
