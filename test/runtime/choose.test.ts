import { afterAll, expect, test, vi } from 'vitest'
import { chooseDevice } from '../../src/runtime/choose.ts'
import { hasGraphicsCard } from '../../src/runtime/graphics-card.ts'
import { closeDevices, openDevice } from '../../src/runtime/registry.ts'

afterAll(closeDevices)

test('auto is the graphics card if there is one, else WebAssembly; one line says which, once', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  const device = await chooseDevice('auto')
  if (device === 'reference') throw new Error('auto chose the reference')
  expect(device.kind).toBe((await hasGraphicsCard()) ? 'webgpu' : 'wasm')
  expect(await chooseDevice('auto')).toBe(device)
  expect(await openDevice(device.kind)).toBe(device)
  expect(said.mock.calls).toEqual([[`weft: ${device.description}`]])
  said.mockRestore()
})

test('a device named, or given, is taken as it is', async () => {
  const wasm = await chooseDevice('wasm')
  expect(await openDevice('wasm')).toBe(wasm)
  expect([await chooseDevice(wasm), await chooseDevice('reference')]).toEqual([wasm, 'reference'])
})
