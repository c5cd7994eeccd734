import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('./', import.meta.url)

/**
 * Loads a package of `bench/peers`, which has what is too large for everybody's `npm ci`; the first use installs it
 * there. Install scripts are not run: onnxruntime-node's would fetch hundreds of megabytes of CUDA.
 * @throws Error if it cannot be installed or loaded.
 */
export function requirePeer<T>(name: string): { readonly module: T; readonly version: string } {
  const manifest = new URL(`node_modules/${name}/package.json`, FOLDER)
  if (!existsSync(manifest)) install()
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  return { module: createRequire(FOLDER)(name) as T, version }
}

function install(): void {
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: fileURLToPath(FOLDER),
      stdio: ['ignore', 'ignore', 'pipe'],
      shell: process.platform === 'win32', // npm is a script there
    })
  } catch (cause) {
    throw new Error(`npm ci in bench/peers failed: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
