import { isObject } from '../util/json.ts'
import { announce } from './announce.ts'

/**
 * What `weft tune` measured, in a file of the user's: by adapter, for each class of shapes the name of the tiling that
 * was fastest. Node only. WEFT_CACHE_DIR says where the file lies, else it is ~/.cache/weft (or XDG_CACHE_HOME).
 */
type Tilings = Readonly<Record<string, string>>
type Cache = Readonly<Record<string, Tilings>>

const FILE = 'tilings.json'

async function cacheFile(): Promise<string> {
  const [{ join }, { homedir }] = await Promise.all([import('node:path'), import('node:os')])
  const { WEFT_CACHE_DIR: own, XDG_CACHE_HOME: shared } = process.env
  // Set and empty is as if unset (XDG Base Directory Specification), not this folder.
  return join(own || join(shared || join(homedir(), '.cache'), 'weft'), FILE)
}

/** How the adapter is called in the file: the same for every way to open it. */
export const adapterKey = ({ vendor, architecture, device, description }: GPUAdapterInfo): string =>
  [vendor, architecture, device, description].filter(Boolean).join(' ') || 'unnamed adapter'

/** What was measured on an adapter; nothing if nothing was. A file that cannot be read is said to be so, once. */
export async function readTilings(adapter: string): Promise<Tilings> {
  return (await readCache())[adapter] ?? {}
}

/** Adds to what was measured on an adapter; resolves to the file's path. */
export async function writeTilings(adapter: string, tilings: Tilings): Promise<string> {
  const { dirname } = await import('node:path')
  const { mkdir, rename, writeFile } = await import('node:fs/promises')
  const file = await cacheFile()
  const cache = await readCache()
  const next: Cache = { ...cache, [adapter]: { ...cache[adapter], ...tilings } }
  await mkdir(dirname(file), { recursive: true })
  // Whole or not at all: another process may read it meanwhile.
  const draft = `${file}.${process.pid}`
  await writeFile(draft, `${JSON.stringify(next, null, 2)}\n`)
  await rename(draft, file)
  return file
}

async function readCache(): Promise<Cache> {
  const { readFile } = await import('node:fs/promises')
  const file = await cacheFile()
  try {
    const found: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (isCache(found)) return found
    announce(`${file} is not what weft tune writes, and is not used: run weft tune again`)
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')
    if (!missing) announce(`${file} cannot be read, and is not used: ${String(cause)}`)
  }
  return {}
}

const isCache = (x: unknown): x is Cache =>
  isObject(x) && Object.values(x).every((t) => isObject(t) && Object.values(t).every((v) => typeof v === 'string'))
