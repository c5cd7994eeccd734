import * as ort from 'onnxruntime-web'
import { type Implementation, type ImplementationOptions, Unsupported } from '../implementation.ts'
import { prepareOnnx } from './onnx-session.ts'
import { packageVersion } from './package-version.ts'

/** ONNX Runtime's WebAssembly backend. Its number of threads is the process's, set before the first session. */
export async function openOnnxRuntimeWeb({ device, threads }: ImplementationOptions): Promise<Implementation> {
  if (device !== 'wasm') throw new Unsupported(`onnxruntime-web is measured on wasm only, not on ${device}`)
  ort.env.wasm.numThreads = threads
  ort.env.logLevel = 'error'
  return {
    version: `onnxruntime-web ${packageVersion('onnxruntime-web')}`,
    prepare: (problem, inputs) => prepareOnnx(ort, { executionProviders: ['wasm'] }, problem, inputs),
  }
}
