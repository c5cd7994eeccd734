import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GgufSource, ggufSource } from '../../src/data/gguf.ts'

/** Hands `use` the path of a file with these bytes. */
export async function withBytes<T>(bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-gguf-'))
  try {
    const path = join(folder, 'model.gguf')
    await writeFile(path, bytes)
    return await use(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}

export const withSource = <T>(bytes: Uint8Array, use: (source: GgufSource) => Promise<T>): Promise<T> =>
  withBytes(bytes, async (path) => {
    const source = await ggufSource(path)
    try {
      return await use(source)
    } finally {
      await source.close()
    }
  })
