import type { Tensor } from '@tensorflow/tfjs-core'
import type { Outputs, Prepared } from '../implementation.ts'
import type { InputArray } from '../inputs.ts'
import { tf } from './tf-module.ts'

export const tfTensor = ({ shape, data }: InputArray): Tensor =>
  tf.tensor(data, [...shape], data instanceof Int32Array ? 'int32' : 'float32')

/** What it has and does not document. */
interface WebGpuBackend {
  readonly queue: GPUQueue
  ensureCommandEncoderReady(): void
  endComputePassEncoder(): void
  submitQueue(): void
}

/** Submits what is recorded and waits until the device has done it. */
export async function finish(): Promise<void> {
  const backend = tf.backend() as unknown as WebGpuBackend // the one that is set
  backend.ensureCommandEncoderReady()
  backend.endComputePassEncoder()
  backend.submitQueue()
  await backend.queue.onSubmittedWorkDone()
}

/** Reads a tensor and gives it up. */
export async function floatsOf(tensor: Tensor): Promise<Float32Array> {
  const data = await tensor.data<'float32'>()
  tensor.dispose()
  return data
}

/** A function whose results are tensors. `outputsOf` gives them up; `given` is what is let go of in the end. */
export function prepareCall<R extends Tensor[]>(
  fn: () => R,
  outputsOf: (results: R) => Promise<Outputs>,
  given: Tensor[],
): Prepared {
  return {
    async run() {
      const results = fn()
      await finish()
      tf.dispose(results)
    },
    outputs: () => outputsOf(fn()),
    dispose: () => tf.dispose(given),
  }
}
