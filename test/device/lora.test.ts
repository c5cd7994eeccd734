import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fineTune } from '../../examples/lora.ts'
import { compile, put } from '../../src/compile.ts'
import { key, normal, tensor } from '../../src/ir/ops.ts'
import { isTensor, type Tensor } from '../../src/ir/tensor.ts'
import { initParams } from '../../src/models/init.ts'
import { type LlamaParams, llamaEmbed, llamaHidden, llamaLogits, llamaSpec } from '../../src/models/llama.ts'
import { type Adapters, withLora } from '../../src/models/lora.ts'
import { fuse } from '../../src/models/lora-fuse.ts'
import { loraSpec } from '../../src/models/lora-spec.ts'
import { flattenNames } from '../../src/models/names.ts'
import type { Device } from '../../src/runtime/device.ts'
import { tinyLlama } from '../models/tiny-models.ts'
import { openUnderTest, UNDER_TEST } from './under-test.ts'

let device: Device
beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

const config = tinyLlama()
const scaling = { alpha: 3 } as const
const start: LlamaParams = initParams(llamaSpec(config), key(1))
const made = initParams(loraSpec(llamaSpec(config), { rank: 3, ...scaling, scope: 'model.layers.' }), key(2))
const adapters: Adapters = Object.fromEntries(
  Object.entries(made).map(([name, { down, up }], i) => [name, { down, up: normal(key(i), up.shape) }]),
)
const ids = tensor([[1, 5, 2, 9, 11]], { dtype: 'i32' })
const logits = (params: LlamaParams): Tensor =>
  llamaLogits(params, llamaHidden(params, config, llamaEmbed(params, ids), { attention: 'causal' }))

async function bits(params: LlamaParams): Promise<string> {
  const all: unknown[] = []
  for (const [name, t] of flattenNames(params, isTensor)) all.push([name, Array.from(await t.read())])
  return JSON.stringify(all)
}

describe('LoRA on the device', () => {
  test('fused, a model computes what it does adapted; fusing again gives equal bits, and the base keeps its own', async () => {
    const base = await put(start, device)
    const before = await bits(base)
    const merge = compile((p: LlamaParams, a: Adapters) => fuse(p, a, scaling), [base, adapters], { device })
    const once = await merge(base, adapters)
    for (let i = 0; i < 3; i++) expect(await bits(await merge(base, adapters))).toBe(await bits(once))
    expect(await bits(base)).toBe(before)
    const plain = compile(logits, [base], { device })
    const adapted = compile((p: LlamaParams, a: Adapters) => logits(withLora(p, a, scaling)), [base, adapters], {
      device,
    })
    const wanted = await (await adapted(base, adapters)).read()
    const got = await (await plain(once)).read()
    got.forEach((x, i) => {
      expect(x).toBeCloseTo(wanted[i]!, 4)
    })
  })

  test('a batch is learnt by heart by adapters alone, which come back from files as they were', async () => {
    const { before, after, loaded, fused } = await fineTune({ device: UNDER_TEST, steps: 250 })
    expect(before).toBeGreaterThan(4)
    expect(after).toBeLessThan(0.5)
    expect(loaded).toBe(after)
    expect(fused).toBeCloseTo(after, 3)
  })
})
