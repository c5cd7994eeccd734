import type { OpenOptions } from '../../src/runtime/adapter.ts'
import type { Device } from '../../src/runtime/device.ts'
import { createDevice } from '../../src/runtime/registry.ts'

/**
 * The device that this folder's suites are run on: the project `webgpu` of vitest.config.ts leaves it open, `wasm`
 * says so. Both compare with the reference evaluator.
 */
export const UNDER_TEST: Device['kind'] = process.env['WEFT_TEST_DEVICE'] === 'wasm' ? 'wasm' : 'webgpu'

export const openUnderTest = (options: OpenOptions = {}): Promise<Device> => createDevice(UNDER_TEST, options)
