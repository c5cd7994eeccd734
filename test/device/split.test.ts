import { afterAll, beforeAll, expect, test } from 'vitest'
import { compile } from '../../src/compile.ts'
import { key, tensor } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { initParams } from '../../src/models/init.ts'
import { type LlamaParams, llamaEmbed, llamaHidden, llamaLogits, llamaSpec } from '../../src/models/llama.ts'
import { splitParams } from '../../src/models/split.ts'
import type { Device } from '../../src/runtime/device.ts'
import { DeviceError } from '../../src/util/errors.ts'
import { openUnderTest } from './under-test.ts'

let device: Device
beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => {
  device.dispose()
})

const LIMIT = 8192

/** The same device, which says that it binds less: programs are made for what it says. */
const small = (): Device => ({
  kind: device.kind,
  description: device.description,
  software: device.software,
  limits: { ...device.limits, bindingBytes: LIMIT },
  timestamps: device.timestamps,
  subgroups: device.subgroups,
  lost: device.lost,
  owns: (x): x is ReturnType<Device['upload']> => device.owns(x),
  upload: (array, name) => device.upload(array, name),
  load: (program) => device.load(program),
  finish: () => device.finish(),
  memory: () => device.memory(),
  dispose: () => {},
})

const config = llamaConfig({
  vocab_size: 300,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 2,
})
const spec = llamaSpec(config)
const params: LlamaParams = initParams(spec, key(3))
const ids = tensor([[3, 299, 4, 150, 0]], { dtype: 'i32' })
const logits = (p: LlamaParams, i: Tensor): Tensor =>
  llamaLogits(p, llamaHidden(p, config, llamaEmbed(p, i), { attention: 'causal' }))
const run = async (p: LlamaParams, on: Device): Promise<ArrayLike<number>> =>
  (await compile(logits, [p, ids], { device: on })(p, ids)).read()

test('a table larger than the device binds fails with a message that says how to split it', async () => {
  await expect(run(params, small())).rejects.toThrow(DeviceError)
  await expect(run(params, small())).rejects.toThrow(
    /takes 38400 bytes.*at most 8192.*\n.*split by rows \(splitParams\)/,
  )
})

test('split, it runs, and gives the logits of the whole', async () => {
  const split = await splitParams(spec, params, LIMIT)
  const [got, wanted] = [await run(split, small()), await run(params, device)]
  expect(got).toHaveLength(wanted.length)
  for (let i = 0; i < wanted.length; i++) expect(got[i]).toBeCloseTo(wanted[i]!, 5)
})
