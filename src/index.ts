/** weft: a functional tensor language and its compiler to WebGPU and WebAssembly. The public API. */

// The language: tensors, their types, operations.

export type { DataOf, DType, FloatDType, HostArray, IntDType, TypedArray } from './ir/dtype.ts'
export * from './ir/ops.ts'
export { fromHost, isTensor, type NestedNumbers, Tensor } from './ir/tensor.ts'
export type { _, Dim, DTypeMismatch, Shape, ShapeMismatch, ShapeOf } from './ir/types.ts'

// Graphs: traced functions, their text, and the reference evaluator.

export { evaluate } from './ir/evaluate.ts'
export type { Attrs, Equation, Graph, TensorType, Value } from './ir/graph.ts'
export { type TraceOptions, traceGraph } from './ir/make-graph.ts'
export { parse as parseGraph } from './ir/parse.ts'
export { print as printGraph } from './ir/print.ts'

// Errors.

export * from './util/errors.ts'

// Transformations.

export * from './autodiff/index.ts'

// Compiling and running.

export { type Compiled, type CompileOptions, compile, type Profile, put, type Sizes, type SpecsOf } from './compile.ts'
export type { DeviceChoice } from './runtime/choose.ts'
export type { Device, DeviceMemory } from './runtime/device.ts'
export { closeDevices, type DeviceName, openDevice } from './runtime/registry.ts'

// Building blocks: parameters, layers, attention and its variants.

export { initParams } from './models/init.ts'
export { flattenNames } from './models/names.ts'
export { attention } from './nn/attention.ts'
export { type AttentionOptions, attentionByDefinition, attentionWeights } from './nn/attention-definition.ts'
export { mergeHeads, splitHeads } from './nn/heads.ts'
export { biasedLinearSpec, embedding, type LinearParams, linear, linearSpec } from './nn/linear.ts'
export { accuracy, crossEntropy, IGNORE } from './nn/losses.ts'
export { mmca, mmcaRelease } from './nn/mmca.ts'
export { layerNorm, layerNormSpec, rmsNorm, rmsNormSpec } from './nn/norms.ts'
export {
  type Init,
  type MatrixSpec,
  matrix,
  normal as normalInit,
  ones as onesInit,
  type ParamSpec,
  type ParamsOf,
  param,
  type SpecTree,
  table,
  uniform as uniformInit,
  type WeightsOf,
  zeros as zerosInit,
} from './nn/param.ts'
export { dequantise, type QuantisedWeight } from './nn/quantised.ts'
export { applyRope, type RopeOptions, type RopeTable, ropeTable } from './nn/rope.ts'
export * from './nn/variant.ts'
export * as variants from './nn/variants.ts'
export type { LowRankWeight, SplitWeight, Weight } from './nn/weight.ts'

// Weights in other forms: adapted, quantised, in pieces.

export { type QuantiseOptions, quantisationError, quantise } from './data/quantise.ts'
export { type Adapter, type Adapters, type LoraScaling, withLora } from './models/lora.ts'
export { fuse } from './models/lora-fuse.ts'
export { type LoraConfig, type LoraTargets, loraSpec } from './models/lora-spec.ts'
export { type ResizeOptions, resizeEmbedding } from './models/resize-embedding.ts'
export { splitParams, splitRows } from './models/split.ts'

// Models: LLaMA, the visual encoders, VisualChat.

export { type LlamaConfig, llamaConfig, mostPositions } from './models/config.ts'
export type { AttentionKind, DecoderAttention } from './models/decoder-attention.ts'
export { checkRoom, emptyCache, type KvCache, kvCacheSpec } from './models/kv-cache.ts'
export {
  type CachedOptions,
  type DecoderOptions,
  type LlamaParams,
  llamaAttentionWeights,
  llamaCached,
  llamaEmbed,
  llamaHidden,
  llamaLogits,
  llamaSpec,
  llamaStep,
} from './models/llama.ts'
export { nextTokenLoss } from './models/loss.ts'
export { type VisionConfig, type VisionParams, visionConfig, visionFeatures, visionSpec } from './models/vision.ts'
export {
  imageFeatures,
  splitTrainable,
  type VisualChatBatch,
  type VisualChatConfig,
  type VisualChatParams,
  visualChatLogits,
  visualChatLoss,
  visualChatSpec,
} from './models/visualchat.ts'
export { visualChatConfig } from './models/visualchat-config.ts'

// Text: generation and conversations.

export type { ChatOptions } from './chat/options.ts'
export { type ChatSession, createChat, type Question, type Reply } from './chat/session.ts'
export { Random } from './data/random.ts'
export type { ChatTokenizer, TextStream, Tokenizer } from './data/tokenizer.ts'
export { type Generator, type GeneratorOptions, makeGenerator } from './generate/generator.ts'
export { StopSequences } from './generate/stop.ts'
export { type Sampler, type SamplingOptions, sampler } from './models/sampling.ts'

// Training: optimisers, schedules, steps.

export * from './train/index.ts'
