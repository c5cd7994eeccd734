/** What weft does with files, in Node: checkpoints on the way to a device. The rest of the public API is `index.ts`. */

export { type LoadModelOptions, loadModel } from './checkpoint/load-model.ts'
export { type GgufSource, type GgufTokenizer, ggufSource } from './data/gguf.ts'
export { huggingFaceSource } from './data/huggingface.ts'
export { readSafetensors, type Safetensors, writeSafetensors } from './data/safetensors.ts'
export { type SafetensorsSource, safetensorsSource } from './data/safetensors-source.ts'
export type { QuantisedMatrix, RowRange, TensorInfo, TensorSource } from './data/tensor-source.ts'
export { type JsonValue, readTorchArguments } from './data/torch-arguments.ts'
export { torchSource } from './data/torch-source.ts'
