import type { Tensor } from '@tensorflow/tfjs-core'
import { type Implementation, type ImplementationOptions, type Prepared, Unsupported } from '../implementation.ts'
import type { Inputs } from '../inputs.ts'
import { EPSILON, type Operation, operation, type Problem } from '../problem.ts'
import { floatsOf, prepareCall, tfTensor } from './tf-calls.ts'
import { tf, tfVersion } from './tf-module.ts'
import { prepareTfAdamw } from './tfjs-adamw.ts'
import { prepareTfLlama } from './tfjs-llama.ts'

/** TensorFlow.js on WebGPU, after `navigator.gpu` is there. It is eager: each operation is a kernel of its own. */
export async function openTfjs({ device }: ImplementationOptions): Promise<Implementation> {
  if (device !== 'webgpu') throw new Unsupported(`TensorFlow.js is measured on webgpu only, not on ${device}`)
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js finds no WebGPU')
  return {
    version: `@tensorflow/tfjs ${tfVersion}, WebGPU backend`,
    prepare: async (problem, inputs) => prepareTf(problem, inputs),
  }
}

function prepareTf(problem: Problem, inputs: Inputs): Prepared {
  switch (problem.kind) {
    case 'llama':
      return prepareTfLlama(problem, inputs)
    case 'crossEntropy':
      return prepareCrossEntropy(problem.classes, inputs)
    case 'adamw':
      return prepareTfAdamw(inputs)
    default:
      return prepareOperation(operation(problem), inputs)
  }
}

function prepareCrossEntropy(classes: number, inputs: Inputs): Prepared {
  const logits = tfTensor(inputs['logits']!)
  const labels = tfTensor(inputs['labels']!)
  const differentiate = tf.valueAndGrad((x: Tensor) =>
    tf.mul(tf.sum(tf.mul(tf.logSoftmax(x, -1), tf.oneHot(labels, classes))), -1 / logits.shape[0]!),
  )
  return prepareCall<[Tensor, Tensor]>(
    () => {
      const { value, grad } = differentiate(logits)
      return [value, grad]
    },
    async ([value, grad]) => ({ loss: await floatsOf(value), gradient: await floatsOf(grad) }),
    [logits, labels],
  )
}

function prepareOperation(problem: Operation, arrays: Inputs): Prepared {
  const inputs = Object.values(arrays).map(tfTensor)
  const fn = functionOf(problem)
  return prepareCall<[Tensor]>(
    () => [tf.tidy(() => fn(...inputs))],
    async ([result]) => ({ result: await floatsOf(result) }),
    inputs,
  )
}

/** Takes the inputs in the order in which `inputsOf` makes them. */
function functionOf(problem: Operation): (...inputs: Tensor[]) => Tensor {
  switch (problem.kind) {
    case 'matmul':
      return (a, b) => tf.matMul(a!, b!)
    case 'softmax':
      return (x) => tf.softmax(x!, -1)
    case 'layerNorm':
      return (x, weight, bias) => {
        const { mean, variance } = tf.moments(x!, -1, true)
        return tf.add(tf.mul(tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, EPSILON))), weight!), bias!)
      }
    case 'elementwise':
      return (x, y, z) => {
        const s = tf.add(tf.mul(x!, y!), z!)
        return tf.mul(tf.mul(s, 0.5), tf.add(tf.erf(tf.mul(s, Math.SQRT1_2)), 1))
      }
    case 'copy':
      return (x) => tf.mul(x!, 2)
    case 'attention':
      return (q, k, v) =>
        tf.matMul(tf.softmax(tf.matMul(tf.mul(q!, 1 / Math.sqrt(problem.width)), k!, false, true), -1), v!)
  }
}
