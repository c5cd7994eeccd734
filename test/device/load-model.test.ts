import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../src/checkpoint/load-model.ts'
import { compile } from '../../src/compile.ts'
import { safetensorsSource } from '../../src/data/safetensors-source.ts'
import { fromHost, type Tensor } from '../../src/ir/tensor.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { type LlamaParams, llamaEmbed, llamaHidden, llamaLogits, llamaSpec } from '../../src/models/llama.ts'
import { nextTokenLoss } from '../../src/models/loss.ts'
import type { Device } from '../../src/runtime/device.ts'
import { openUnderTest } from './under-test.ts'

const FIXTURE = new URL('../fixtures/llama-causal-rope-none.safetensors', import.meta.url).pathname

let device: Device
beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

test('a model loaded tensor by tensor has the loss that PyTorch computed', async () => {
  const source = await safetensorsSource(FIXTURE)
  const config = llamaConfig(JSON.parse(source.metadata['config']!))
  const params: LlamaParams = await loadModel(llamaSpec(config), source, { device, prefix: 'param.' })
  const [ids, modality, labels, expected] = await Promise.all(
    ['input_ids', 'attention_mask', 'labels', 'loss'].map(async (name) => fromHost(await source.read(name))),
  )
  await source.close()
  const loss = (p: LlamaParams, x: Tensor, m: Tensor, y: Tensor): Tensor => {
    const hidden = llamaHidden(p, config, llamaEmbed(p, x), { attention: 'causal', modality: m })
    return nextTokenLoss(llamaLogits(p, hidden), y)
  }
  const compiled = compile(loss, [params, ids!, modality!, labels!], { device })
  const found = await (await compiled(params, ids!, modality!, labels!)).item()
  expect(Math.abs(found / (await expected!.item()) - 1)).toBeLessThan(1e-4)
})
