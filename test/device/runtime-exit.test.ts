import { expect, test } from 'vitest'
import { runScript } from '../runtime/leaving.ts'

const script = new URL('./exit-script.ts', import.meta.url)

test.each([
  ['finished', 0, '100'],
  ['working', 0, 'working'],
  ['reading', 0, '100'],
  ['exit while reading', 7, 'exiting'],
  ['exit while compiling', 7, 'exiting'],
  ['throw', 1, ''],
  ['closed', 0, 'DeviceError: the device was disposed of'],
])('a process ends by itself: %s', async (way, code, stdout) => {
  const left = await runScript(script, [way], 60_000)
  expect(left, left.stderr).toMatchObject({ code, signal: null, stdout })
  if (way === 'throw') expect(left.stderr).toContain('thrown on purpose')
  else expect(left.stderr).not.toMatch(/error/i)
})
