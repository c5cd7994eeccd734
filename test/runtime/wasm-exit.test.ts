import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const script = fileURLToPath(new URL('./wasm-exit-script.ts', import.meta.url))

/** Runs the script in a process of its own, which must end by itself. */
function leave(way: string, threads: number): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, way, String(threads)], { timeout: 50_000 })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (data) => (stdout += String(data)))
  child.stderr.on('data', (data) => (stderr += String(data)))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout: stdout.trim(), stderr }))
  })
}

describe.each([0, 2])('%i threads', (threads) => {
  test.concurrent.each([
    ['finished', 0, '500'],
    ['working', 0, 'working'],
    ['reading', 0, '500'],
    ['exit while reading', 7, 'exiting'],
    ['throw', 1, ''],
    ['closed', 0, 'DeviceError: the device was disposed of'],
  ])('a process ends by itself: %s', async (way, code, stdout) => {
    const left = await leave(way, threads)
    expect(left, left.stderr).toMatchObject({ code, stdout })
    if (way === 'throw') expect(left.stderr).toContain('thrown on purpose')
    else expect(left.stderr).toBe('')
  })
})
