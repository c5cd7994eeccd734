import { afterEach, expect, test } from 'vitest'
import { openBrowserGpu } from '../../src/runtime/browser.ts'
import { closeDevices, createDevice } from '../../src/runtime/registry.ts'
import { passThrough } from './runtime-programs.ts'

/** A page's way in, with a stand-in for its `navigator.gpu`: here Dawn's adapter plays the browser's. */
const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
afterEach(() => {
  closeDevices()
  if (before) Object.defineProperty(globalThis, 'navigator', before)
  else Reflect.deleteProperty(globalThis, 'navigator')
})

const pretend = (navigator: object): void => {
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true })
}

test('a page opens its own GPU and runs programs on it', async () => {
  const { create } = await import('webgpu')
  const gpu = create([])
  pretend({ gpu })
  const device = await createDevice('webgpu')
  expect(device.description).toContain('(browser')
  const x = device.upload({ dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) })
  const [y] = (await device.load(passThrough(2))).run([x])
  expect([...(await y!.read()).data]).toEqual([1, 2])
  device.dispose()
  expect(gpu).toBeDefined() // held until here: Dawn crashes once it is collected
})

test('a page without WebGPU, and one without an adapter, say what to do', async () => {
  pretend({})
  await expect(openBrowserGpu()).rejects.toThrow('this browser offers no WebGPU\n  hint: use a current')
  pretend({ gpu: { requestAdapter: () => Promise.resolve(null) } })
  await expect(createDevice('webgpu')).rejects.toThrow('the browser found no GPU adapter')
})
