import type { Device } from './device.ts'
import { openDevice } from './registry.ts'

/** `reference` is the evaluator in plain TypeScript: slow, exact, and needing nothing. */
export type DeviceChoice = 'auto' | 'webgpu' | 'reference'

const announced = new Set<string>()

/**
 * The device meant. `auto` takes WebGPU and says once, on stderr, what that is.
 * @throws DeviceError (as a rejection) without an adapter, saying what to install.
 */
export async function chooseDevice(choice: DeviceChoice | Device): Promise<Device | 'reference'> {
  if (typeof choice !== 'string' || choice === 'reference') return choice
  const device = await openDevice('webgpu')
  if (choice === 'auto' && !announced.has(device.description)) {
    announced.add(device.description)
    console.error(`weft: ${device.description}`)
  }
  return device
}
