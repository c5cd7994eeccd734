import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('./exit-script.ts', import.meta.url))

/** Runs the script in a process of its own, which must end by itself. */
function leave(way: string): Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, way], { timeout: 60_000 })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (data) => (stdout += String(data)))
  child.stderr.on('data', (data) => (stderr += String(data)))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout: stdout.trim(), stderr }))
  })
}

test.each([
  ['finished', 0, '100'],
  ['working', 0, 'working'],
  ['reading', 0, '100'],
  ['exit while reading', 7, 'exiting'],
  ['exit while compiling', 7, 'exiting'],
  ['throw', 1, ''],
  ['closed', 0, 'DeviceError: the device was disposed of'],
])('a process ends by itself: %s', async (way, code, stdout) => {
  const left = await leave(way)
  expect(left, left.stderr).toMatchObject({ code, signal: null, stdout })
  if (way === 'throw') expect(left.stderr).toContain('thrown on purpose')
  else expect(left.stderr).not.toMatch(/error/i)
})
