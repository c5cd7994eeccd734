import { type Implementation, type ImplementationOptions, Unsupported } from '../implementation.ts'
import { requirePeer } from '../peers/require-peer.ts'
import { type OnnxRuntime, prepareOnnx } from './onnx-session.ts'

/** ONNX Runtime's WebGPU provider for Node, which brings a Dawn of its own. */
export async function openOnnxRuntimeNode({ device }: ImplementationOptions): Promise<Implementation> {
  if (device !== 'webgpu') throw new Unsupported(`onnxruntime-node is measured on webgpu only, not on ${device}`)
  const { module, version } = requirePeer<OnnxRuntime>('onnxruntime-node')
  return {
    version: `onnxruntime-node ${version}, WebGPU provider`,
    prepare: (problem, inputs) =>
      prepareOnnx(module, { executionProviders: ['webgpu'], logSeverityLevel: 4 }, problem, inputs),
  }
}
