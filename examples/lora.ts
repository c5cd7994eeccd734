/**
 * A small LLaMA whose own weights stay as they are: adapters of rank 8 learn two lines by heart, are saved as PEFT does it,
 * loaded again, and fused into the weights.
 *
 *   npx tsx examples/lora.ts [steps]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type Adapters,
  adamw,
  closeDevices,
  compile,
  type DeviceChoice,
  flattenNames,
  fuse,
  initParams,
  isTensor,
  key,
  type LlamaParams,
  llamaConfig,
  llamaEmbed,
  llamaHidden,
  llamaLogits,
  llamaSpec,
  loraSpec,
  nextTokenLoss,
  put,
  type Tensor,
  tensor,
  trainStep,
  withLora,
} from '../src/index.ts'
import { loadAdapters, saveAdapters } from '../src/node.ts'

const LINES = ['what is learnt by heart stays in the heart.', 'the base is frozen; only adapters move.']

const config = llamaConfig({
  vocab_size: 128,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
})
const spec = llamaSpec(config)
const lora = { rank: 8, alpha: 8, scope: ['model.layers.', 'lm_head'] } as const

const lossOf = (params: LlamaParams, ids: Tensor): Tensor =>
  nextTokenLoss(llamaLogits(params, llamaHidden(params, config, llamaEmbed(params, ids), { attention: 'causal' })), ids)

const adaptedLoss = (adapters: Adapters, base: LlamaParams, ids: Tensor): Tensor =>
  lossOf(withLora(base, adapters, lora), ids)

const numbersIn = (tree: unknown): number =>
  [...flattenNames(tree, isTensor).values()].reduce((sum, { size }) => sum + size, 0)

/** Resolves to the losses before and after training, of the adapters as loaded again, and of the fused model. */
export async function fineTune({
  device = 'auto',
  steps = 250,
  log = () => {},
}: {
  readonly device?: DeviceChoice
  readonly steps?: number
  readonly log?: (line: string) => void
}): Promise<{ before: number; after: number; loaded: number; fused: number }> {
  const length = Math.max(...LINES.map((line) => line.length))
  const characters = LINES.map((line) => [...line.padEnd(length)].map((c) => c.charCodeAt(0)))
  const ids = tensor(characters, { dtype: 'i32' })
  const base: LlamaParams = await put(initParams(spec, key(1)), device)
  const adapters: Adapters = initParams(loraSpec(spec, lora), key(2))
  log(`${numbersIn(adapters)} numbers are trained, ${numbersIn(base)} are not`)

  const optimizer = adamw({ learningRate: 0.003 })
  const state = optimizer.init(adapters)
  const training = trainStep(adaptedLoss, optimizer)
  const step = compile(training, [adapters, state, base, ids], { device, donate: [0, 1] })
  let now = await step(adapters, state, base, ids)
  const before = await now.loss.item()
  for (let i = 1; i < steps; i++) {
    if (i % 50 === 0) log(`step ${i}: loss ${(await now.loss.item()).toFixed(4)}`)
    now = await step(now.params, now.state, base, ids)
  }

  const measure = compile(adaptedLoss, [adapters, base, ids], { device })
  const after = await (await measure(now.params, base, ids)).item()
  const folder = mkdtempSync(join(tmpdir(), 'weft-lora-'))
  try {
    await saveAdapters(folder, now.params, lora, { taskType: 'CAUSAL_LM' })
    const again = await loadAdapters(folder, spec)
    const loaded = await (await measure(again.adapters, base, ids)).item()
    const fusedLoss = (a: Adapters, b: LlamaParams, x: Tensor): Tensor => lossOf(fuse(b, a, lora), x)
    const fused = await (await compile(fusedLoss, [adapters, base, ids], { device })(now.params, base, ids)).item()
    return { before, after, loaded, fused }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { before, after, loaded, fused } = await fineTune({ steps: Number(process.argv[2] ?? 250), log: console.log })
  console.log(`loss ${before.toFixed(4)} before, ${after.toFixed(4)} after`)
  console.log(`saved and loaded: ${loaded.toFixed(4)}; fused into the weights: ${fused.toFixed(4)}`)
  closeDevices()
}
