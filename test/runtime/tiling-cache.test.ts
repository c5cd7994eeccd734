import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { adapterKey, readTilings, writeTilings } from '../../src/runtime/tiling-cache.ts'

describe('what weft tune measured', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-tilings-'))
    vi.stubEnv('WEFT_CACHE_DIR', join(folder, 'cache'))
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  })

  it('is nothing before anything was measured', async () => {
    expect(await readTilings('a card')).toEqual({})
  })

  it('is kept by adapter, and added to', async () => {
    await writeTilings('a card', { small: 'sliced', large: 'staged' })
    await writeTilings('another', { small: 'registers' })
    const file = await writeTilings('a card', { small: 'staged' })
    expect(file).toBe(join(folder, 'cache', 'tilings.json'))
    expect(await readTilings('a card')).toEqual({ small: 'staged', large: 'staged' })
    expect(await readTilings('another')).toEqual({ small: 'registers' })
  })

  it('lies in the cache of the user where WEFT_CACHE_DIR is empty', async () => {
    vi.stubEnv('WEFT_CACHE_DIR', '')
    vi.stubEnv('XDG_CACHE_HOME', folder)
    expect(await writeTilings('a card', { small: 'sliced' })).toBe(join(folder, 'weft', 'tilings.json'))
  })

  it('is not used, and said to be unusable, where something else was written to its file', async () => {
    const file = await writeTilings('a card', { small: 'sliced' })
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    writeFileSync(file, '{"a card": 3}')
    expect(await readTilings('a card')).toEqual({})
    expect(said.mock.calls.flat().join()).toContain('run weft tune again')
    said.mockRestore()
    expect(readFileSync(file, 'utf8')).toBe('{"a card": 3}')
  })

  it('knows an adapter by all that it says of itself', () => {
    const info = { vendor: 'v', architecture: '', device: 'd', description: 'A Card' }
    expect(adapterKey(info as GPUAdapterInfo)).toBe('v d A Card')
  })
})
