import * as ort from 'onnxruntime-web'
import { type Implementation, type ImplementationOptions, Unsupported } from '../implementation.ts'
import type { InputArray } from '../inputs.ts'
import { onnxProblem } from './onnx-graphs.ts'
import { packageVersion } from './package-version.ts'

/**
 * ONNX Runtime's WebAssembly backend. Its number of threads is the process's, set before the first session. Inputs are
 * copied into its memory and results out of it at each run: its interface has no other way.
 */
export async function openOnnxRuntime({ device, threads }: ImplementationOptions): Promise<Implementation> {
  if (device !== 'wasm') throw new Unsupported(`onnxruntime-web is measured on wasm only, not on ${device}`)
  ort.env.wasm.numThreads = threads
  ort.env.logLevel = 'error'
  return {
    version: `onnxruntime-web ${packageVersion('onnxruntime-web')}`,
    async prepare(problem, inputs) {
      const { model, feeds: arrays, output } = onnxProblem(problem, inputs)
      const session = await ort.InferenceSession.create(model, {
        executionProviders: ['wasm'],
        graphOptimizationLevel: 'all',
      })
      const feeds = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, tensorOf(array)]))
      return {
        async run() {
          await session.run(feeds)
        },
        async outputs() {
          const data = (await session.run(feeds))[output]!.data as Float32Array // every output is f32
          return { [problem.kind === 'llama' ? 'logits' : 'result']: data }
        },
        dispose() {
          void session.release()
        },
      }
    },
  }
}

const tensorOf = ({ shape, data }: InputArray): ort.Tensor =>
  data instanceof Int32Array ? new ort.Tensor('int32', data, shape) : new ort.Tensor('float32', data, shape)
