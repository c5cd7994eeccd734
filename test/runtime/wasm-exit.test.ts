import { describe, expect, test } from 'vitest'
import { runScript } from './leaving.ts'

const script = new URL('./wasm-exit-script.ts', import.meta.url)

describe.each([0, 2])('%i threads', (threads) => {
  test.concurrent.each([
    ['finished', 0, '500'],
    ['working', 0, 'working'],
    ['reading', 0, '500'],
    ['exit while reading', 7, 'exiting'],
    ['throw', 1, ''],
    ['closed', 0, 'DeviceError: the device was disposed of'],
  ])('a process ends by itself: %s', async (way, code, stdout) => {
    const left = await runScript(script, [way, String(threads)], 50_000)
    expect(left, left.stderr).toMatchObject({ code, stdout })
    if (way === 'throw') expect(left.stderr).toContain('thrown on purpose')
    else expect(left.stderr).toBe('')
  })
})
