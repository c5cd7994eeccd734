import type { InferenceSession, InferenceSessionFactory, Tensor, TensorConstructor } from 'onnxruntime-common'
import type { Prepared } from '../implementation.ts'
import type { InputArray, Inputs } from '../inputs.ts'
import type { Problem } from '../problem.ts'
import { onnxProblem } from './onnx-graphs.ts'

/** What the packages of ONNX Runtime have in common. */
export interface OnnxRuntime {
  readonly InferenceSession: InferenceSessionFactory
  readonly Tensor: TensorConstructor
}

/** A problem as a session. Inputs are copied in and results out at each run. */
export async function prepareOnnx(
  ort: OnnxRuntime,
  options: InferenceSession.SessionOptions,
  problem: Problem,
  inputs: Inputs,
): Promise<Prepared> {
  const { model, feeds: arrays, output } = onnxProblem(problem, inputs)
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'all', ...options })
  const feeds = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, tensorOf(ort, array)]))
  return {
    async run() {
      await session.run(feeds)
    },
    async outputs() {
      const data = (await session.run(feeds))[output]!.data as Float32Array // every output is f32
      return { [problem.kind === 'llama' || problem.kind === 'decode' ? 'logits' : 'result']: data }
    },
    dispose() {
      void session.release()
    },
  }
}

const tensorOf = (ort: OnnxRuntime, { shape, data }: InputArray): Tensor =>
  data instanceof Int32Array ? new ort.Tensor('int32', data, shape) : new ort.Tensor('float32', data, shape)
