import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compiledBackend } from '../../src/cli/compiled-backend.ts'
import { readSafetensors } from '../../src/data/safetensors.ts'
import { type Comparison, verifyFixture } from '../../src/models/verify.ts'
import type { Device } from '../../src/runtime/device.ts'
import { openUnderTest } from './under-test.ts'

const FOLDER = new URL('../fixtures/', import.meta.url).pathname
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.safetensors'))

let device: Device
beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

const show = (c: Comparison): string => `${c.kind} ${c.name}: ${c.error.toExponential(1)}, allowed ${c.tolerance}`

describe('fixtures of the reference PyTorch code, compiled', () => {
  it('are there', () => expect(FILES.length).toBeGreaterThanOrEqual(12))

  it.each(FILES)('%s: every output and gradient', async (file) => {
    const fixture = await readSafetensors(`${FOLDER}${file}`)
    const { comparisons } = await verifyFixture(fixture, compiledBackend(device))
    expect(comparisons.filter((c) => !c.pass).map(show)).toEqual([])
    const gradients = [...fixture.tensors.keys()].filter((name) => name.startsWith('grad.'))
    expect(comparisons.filter((c) => c.kind === 'gradient')).toHaveLength(gradients.length)
    expect(comparisons.some((c) => c.kind === 'output')).toBe(true)
  })
})
