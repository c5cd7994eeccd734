import { checkpoint, valueAndGrad } from '../../src/autodiff/index.ts'
import { type Built, buildProgram } from '../../src/codegen/build-program.ts'
import type { DeviceLimits } from '../../src/codegen/program.ts'
import { traceTree } from '../../src/ir/make-graph.ts'
import { type Spec, spec } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { clipVisionConfig, llamaConfig } from '../../src/models/config.ts'
import { kvCacheSpec } from '../../src/models/kv-cache.ts'
import {
  type DecoderOptions,
  type LlamaParams,
  llamaEmbed,
  llamaHidden,
  llamaLogits,
  llamaSpec,
  llamaStep,
} from '../../src/models/llama.ts'
import { nextTokenLoss } from '../../src/models/loss.ts'
import {
  type VisualChatConfig,
  type VisualChatParams,
  visualChatLoss,
  visualChatSpec,
} from '../../src/models/visualchat.ts'
import { clipVision, clipVisionSpec } from '../../src/models/vit.ts'
import { attention } from '../../src/nn/attention.ts'
import { isParamSpec, type SpecTree } from '../../src/nn/param.ts'
import { causal } from '../../src/nn/variants.ts'
import { runPasses } from '../../src/passes/pipeline.ts'
import { type AdamState, adamw, trainStep } from '../../src/train/index.ts'
import { flatten } from '../../src/util/tree.ts'

/** A function with the specs of its arguments, and which of these the caller gives up. */
export interface Model {
  readonly fn: (...args: never[]) => unknown
  readonly specs: readonly unknown[]
  readonly donate?: readonly number[]
}

const specsOf = (tree: SpecTree): unknown => {
  const flat = flatten(tree, isParamSpec)
  return flat.rebuild(flat.leaves.map(({ shape }) => spec([...shape])))
}

const ints = (...shape: number[]): Spec => spec(shape, 'i32')

const config = (layers: number) =>
  llamaConfig({
    vocab_size: 320,
    hidden_size: 64,
    intermediate_size: 176,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 4096,
  })

type Wrap = Pick<DecoderOptions, 'wrapLayer'>

const llamaLoss =
  (layers: number, wrap: Wrap = {}) =>
  (p: LlamaParams, ids: Tensor, labels: Tensor): Tensor => {
    const c = config(layers)
    const hidden = llamaHidden(p, c, llamaEmbed(p, ids), { attention: 'causal', ...wrap })
    return nextTokenLoss(llamaLogits(p, hidden), labels)
  }

const batch = [ints(2, 96), ints(2, 96)]

export const llamaForward = (): Model => ({
  fn: (p: LlamaParams, ids: Tensor) =>
    llamaLogits(p, llamaHidden(p, config(3), llamaEmbed(p, ids), { attention: 'causal' })),
  specs: [specsOf(llamaSpec(config(3))), ints(2, 96)],
})

export const llamaGradient = (layers = 3, checkpointed = false): Model => ({
  fn: valueAndGrad(llamaLoss(layers, checkpointed ? { wrapLayer: checkpoint } : {})),
  specs: [specsOf(llamaSpec(config(layers))), ...batch],
})

export function llamaTraining(): Model {
  const params = specsOf(llamaSpec(config(3)))
  return {
    fn: trainStep(llamaLoss(3), adamw({ learningRate: 1e-3 }), { maxNorm: 1 }),
    specs: [params, { step: ints(), mean: params, variance: params }, ...batch],
    donate: [0, 1],
  }
}

/** One token after those in a cache of S positions, which the caller gives up. */
export function llamaDecoding(S: number): Model {
  const c = config(3)
  return {
    fn: (p: LlamaParams, ids: Tensor, cache: Parameters<typeof llamaStep>[3]) =>
      llamaStep(p, c, llamaEmbed(p, ids), cache, { attention: 'causal' }),
    specs: [specsOf(llamaSpec(c)), ints(1, 1), kvCacheSpec(c, 1, S)],
    donate: [2],
  }
}

const vision = clipVisionConfig({
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  image_size: 32,
  patch_size: 8,
})

export const vit = (): Model => ({
  fn: (p: never, x: Tensor) => clipVision(p, vision, x),
  specs: [specsOf(clipVisionSpec(vision)), spec([4, 3, 32, 32])],
})

export function visualChatTraining(): Model {
  const c: VisualChatConfig = {
    vision,
    language: config(2),
    projection: 'baseline',
    attention: 'mmca-paper',
    imageToken: 1,
    padToken: 0,
  }
  const params = specsOf(visualChatSpec(c))
  const [B, T] = [2, 80]
  const loss = (p: VisualChatParams, b: Parameters<typeof visualChatLoss>[2]): Tensor => visualChatLoss(p, c, b)
  const example = { tokenIds: ints(B, T), imageSlot: ints(B, T), modality: ints(B, T), labels: ints(B, T) }
  return {
    fn: trainStep(loss, adamw({ learningRate: 1e-3 }), { maxNorm: 1 }),
    specs: [
      params,
      { step: ints(), mean: params, variance: params } satisfies Record<keyof AdamState, unknown>,
      { ...example, images: spec([4, 3, 32, 32]) },
    ],
    donate: [0, 1],
  }
}

export const attentionForward = (): Model => ({
  fn: (q: Tensor, k: Tensor, v: Tensor) => attention(q, k, v, causal),
  specs: [spec([1, 8, 128, 32]), spec([1, 8, 128, 32]), spec([1, 8, 128, 32])],
})

export const MODELS: Readonly<Record<string, () => Model>> = {
  'LLaMA forward': llamaForward,
  'LLaMA, value and gradient': () => llamaGradient(3),
  'LLaMA, AdamW step': llamaTraining,
  'VisualChat, AdamW step': visualChatTraining,
  ViT: vit,
  attention: attentionForward,
}

/** Traces, optimises and lowers it, without a device. */
export function buildModel({ fn, specs, donate = [] }: Model, limits: DeviceLimits): Built {
  const { graph, result } = traceTree(fn, specs, { name: 'model' })
  const isLeaf = (x: unknown): x is Spec => typeof x === 'object' && x !== null && 'dtype' in x
  const donated = specs.flatMap((tree, i) => flatten(tree, isLeaf).leaves.map(() => donate.includes(i)))
  return buildProgram(runPasses(graph), {
    limits,
    inputNames: graph.inputs.map((v, i) => v.name ?? `input ${i}`),
    outputNames: result.paths,
    donated,
  })
}
