import { announce } from './announce.ts'
import type { Device } from './device.ts'
import { type DeviceName, openDevice } from './registry.ts'

/** `reference` is the evaluator in plain TypeScript: slow, exact, and needing nothing. */
export type DeviceChoice = DeviceName | 'reference'

/**
 * The device meant. `auto` takes a graphics card if there is one, else WebAssembly, and says once, on stderr, which.
 * @throws DeviceError (as a rejection) if there is none, saying what to install.
 */
export async function chooseDevice(choice: DeviceChoice | Device): Promise<Device | 'reference'> {
  if (typeof choice !== 'string' || choice === 'reference') return choice
  const device = await openDevice(choice)
  if (choice === 'auto') announce(device.description)
  return device
}
