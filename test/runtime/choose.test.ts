import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
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

describe('a card that cannot be used', () => {
  afterEach(() => {
    vi.doUnmock('../../src/runtime/node-card-signs.ts')
    vi.doUnmock('../../src/runtime/dawn.ts')
    vi.resetModules()
  })

  /** What `auto` is, and what is said, when it is asked for twice on a system with this Dawn. */
  async function auto(signs: boolean, dawn: { find: () => Promise<boolean>; open?: () => unknown }) {
    vi.resetModules()
    vi.doMock('../../src/runtime/node-card-signs.ts', () => ({ mayHaveCard: async () => signs }))
    vi.doMock('../../src/runtime/dawn.ts', () => ({ dawnFindsCard: dawn.find, openDawn: dawn.open }))
    const { chooseDevice } = await import('../../src/runtime/choose.ts')
    const { closeDevices } = await import('../../src/runtime/registry.ts')
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    try {
      const devices = [await chooseDevice('auto'), await chooseDevice('auto')]
      const lines = said.mock.calls.map(([line]) => String(line))
      return { kinds: devices.map((device) => (device === 'reference' ? device : device.kind)), lines }
    } finally {
      said.mockRestore()
      closeDevices()
    }
  }

  const noDevice = async () => {
    // The class of the modules just loaded.
    const { DeviceError } = await import('../../src/util/errors.ts')
    throw new DeviceError('the GPU adapter gave no device: out of order', { hint: 'install a driver' })
  }
  const crash = async () => {
    throw new Error('no symbol vkCreateInstance')
  }
  const UNUSED = 'weft: the graphics card cannot be used, WebAssembly is used instead:'
  const WASM = expect.stringMatching(/^weft: WebAssembly SIMD/)

  test('its device does not open: the reason is said once, before the device', async () => {
    const { kinds, lines } = await auto(true, { find: async () => true, open: noDevice })
    expect(kinds).toEqual(['wasm', 'wasm'])
    expect(lines).toEqual([`${UNUSED} the GPU adapter gave no device: out of order`, WASM])
  })

  test('there are signs of it, and the search fails', async () => {
    const { kinds, lines } = await auto(true, { find: crash })
    expect(kinds).toEqual(['wasm', 'wasm'])
    expect(lines).toEqual([`${UNUSED} the search for it failed: Error: no symbol vkCreateInstance`, WASM])
    expect((await auto(true, { find: noDevice })).lines).toEqual([
      `${UNUSED} the GPU adapter gave no device: out of order`,
      WASM,
    ])
  })

  test('no signs, or no card found: only the device is said', async () => {
    expect((await auto(false, { find: crash })).lines).toEqual([WASM])
    expect((await auto(true, { find: async () => false, open: noDevice })).lines).toEqual([WASM])
  })

  test('a mistake of weft itself is not taken for a card that fails', async () => {
    await expect(auto(true, { find: async () => true, open: crash })).rejects.toThrow('no symbol vkCreateInstance')
  })
})
