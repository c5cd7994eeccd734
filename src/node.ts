/**
 * What weft does with files, in Node: checkpoints on the way to a device and back, tokenizers, images. The rest of the
 * public API is `index.ts`.
 */

export { loadAdapters, type SaveAdaptersOptions, saveAdapters } from './checkpoint/adapters.ts'
export { endTokens } from './checkpoint/end-tokens.ts'
export { type Loaded, type LoadOptions, loadLlama } from './checkpoint/load-llama.ts'
export { type LoadModelOptions, loadModel } from './checkpoint/load-model.ts'
export { loadVision } from './checkpoint/load-vision.ts'
export { type LoadVisualChatOptions, loadVisualChat, type VisualChatPaths } from './checkpoint/load-visualchat.ts'
export { type Checkpoint, type CheckpointKind, openCheckpoint } from './checkpoint/open-checkpoint.ts'
export type { SaveOptions } from './checkpoint/save-folder.ts'
export {
  type ClipVisionModel,
  type LlamaModel,
  saveHuggingFace,
  saveVisualChat,
  type VisualChatModel,
} from './checkpoint/save-model.ts'
export { tokenizerFilesIn } from './checkpoint/tokenizer-files.ts'
export { type GgufSource, type GgufTokenizer, ggufSource } from './data/gguf.ts'
export { huggingFaceSource } from './data/huggingface.ts'
export { type ImageOptions, readImage } from './data/image.ts'
export { preprocessImage } from './data/image-preprocess.ts'
export { clipProcessor, type ImageProcessor, imageProcessorConfig } from './data/image-processor.ts'
export { type Llama2cSource, llama2cSource } from './data/llama2c.ts'
export { readSafetensors, type Safetensors, writeSafetensors } from './data/safetensors.ts'
export { type SafetensorsSource, safetensorsSource } from './data/safetensors-source.ts'
export type { QuantisedMatrix, RowRange, TensorInfo, TensorSource } from './data/tensor-source.ts'
export { visualChatTokens, withAddedTokens } from './data/tokenizers/added-tokens.ts'
export { openTokenizer } from './data/tokenizers/open-tokenizer.ts'
export { type JsonValue, readTorchArguments } from './data/torch-arguments.ts'
export { torchSource } from './data/torch-source.ts'
export { fromReleaseNames } from './models/adapter-names.ts'
export { type Precision, type Storage, storageFor } from './models/storage.ts'
