import { readFileSync } from 'node:fs'

const ROOT = new URL('../../', import.meta.url)

/** The version of an installed package, read from its manifest, which not every package lets one import. */
export const packageVersion = (name: string): string => versionIn(new URL(`node_modules/${name}/package.json`, ROOT))

export const ownVersion = (): string => versionIn(new URL('package.json', ROOT))

function versionIn(file: URL): string {
  const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '?'
}
