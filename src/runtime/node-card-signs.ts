import { readdir } from 'node:fs/promises'

/**
 * Whether there may be a graphics card, without loading a driver: that takes a while, and some drivers print to stderr
 * when there is none.
 */
export async function mayHaveCard(): Promise<boolean> {
  if (process.platform !== 'linux') return true
  const [devices, nodes] = await Promise.all([list('/dev'), list('/dev/dri')])
  return devices.some((name) => /^nvidia\d|^dxg$/.test(name)) || nodes.some((name) => name.startsWith('renderD'))
}

const list = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])
