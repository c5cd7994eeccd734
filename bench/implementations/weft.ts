import {
  add,
  attention,
  gelu,
  layerNorm,
  matmul,
  mul,
  openDevice,
  softmax,
  type Tensor,
  variants,
} from '../../src/index.ts'
import type { Implementation, ImplementationOptions } from '../implementation.ts'
import { EPSILON, type Problem } from '../problem.ts'
import { ownVersion } from './package-version.ts'
import { prepareCall, type Target, tensorOf } from './weft-call.ts'
import { prepareWeftLlama } from './weft-llama.ts'

export async function openWeft({ device: kind, threads }: ImplementationOptions): Promise<Implementation> {
  const device: Target = kind === 'reference' ? kind : await openDevice(kind, kind === 'wasm' ? { threads } : {})
  return {
    version: `weft ${ownVersion()} on ${device === 'reference' ? 'the reference evaluator' : device.description}`,
    prepare(problem, inputs) {
      if (problem.kind === 'llama') return prepareWeftLlama(problem, inputs, device)
      const args = Object.values(inputs).map(tensorOf)
      return prepareCall(functionOf(problem), args, device, async (result) => ({ result: await floatsOf(result) }))
    },
  }
}

type Operation = Exclude<Problem, { readonly kind: 'llama' }>

/** Takes the inputs in the order in which `inputsOf` makes them. */
function functionOf(problem: Operation): (...inputs: Tensor[]) => Tensor {
  switch (problem.kind) {
    case 'matmul':
      return (a, b) => matmul(a!, b!)
    case 'softmax':
      return (x) => softmax(x!, -1)
    case 'layerNorm':
      return (x, weight, bias) => layerNorm(x!, { weight: weight!, bias: bias! }, EPSILON)
    case 'elementwise':
      return (x, y, z) => gelu(add(mul(x!, y!), z!))
    case 'attention':
      return (q, k, v) => attention(q!, k!, v!, variants.full)
  }
}

/** Every tensor of the benchmark is f32. */
const floatsOf = async (tensor: Tensor): Promise<Float32Array> => (await tensor.readHost()).data as Float32Array
