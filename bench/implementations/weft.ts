import {
  add,
  attention,
  type Device,
  gelu,
  layerNorm,
  matmul,
  mul,
  openDevice,
  softmax,
  type Tensor,
  valueAndGrad,
  variants,
} from '../../src/index.ts'
import { linear } from '../../src/nn/linear.ts'
import { crossEntropy } from '../../src/nn/losses.ts'
import type { Implementation, ImplementationOptions, ProgramFacts } from '../implementation.ts'
import { type Inputs, inputsOf } from '../inputs.ts'
import { atOtherLengths, EPSILON, type Operation, type Problem } from '../problem.ts'
import { ownVersion } from './package-version.ts'
import { prepareWeftAdamw } from './weft-adamw.ts'
import { factsOf } from './weft-built.ts'
import { floatsOf, prepareCall, type Target, tensorOf, type WeftPrepared } from './weft-call.ts'
import { prepareWeftDecode, prepareWeftLlama } from './weft-llama.ts'
import { FORMS, prepareWeftMmca } from './weft-mmca.ts'
import { prepareWeftVisualChat } from './weft-visualchat.ts'

export async function openWeft(
  { device: kind, threads }: ImplementationOptions,
  form: keyof typeof FORMS,
): Promise<Implementation> {
  const device: Target = kind === 'reference' ? kind : await openDevice(kind, kind === 'wasm' ? { threads } : {})
  const prepare = (problem: Problem, inputs: Inputs): Promise<WeftPrepared> =>
    prepareWeft(problem, inputs, device, form)
  return {
    version: `weft ${ownVersion()} on ${device === 'reference' ? 'the reference evaluator' : device.description}`,
    async prepare(problem, inputs) {
      const own = await prepare(problem, inputs)
      if (device === 'reference') return own
      return { ...own, facts: () => facts(problem, own, prepare, device) }
    },
  }
}

async function facts(
  problem: Problem,
  own: WeftPrepared,
  prepare: (problem: Problem, inputs: Inputs) => Promise<WeftPrepared>,
  device: Device,
): Promise<ProgramFacts> {
  const others = await Promise.all(
    atOtherLengths(problem).map(async (other) => {
      const prepared = await prepare(other, inputsOf(other))
      const built = prepared.built(device)
      prepared.dispose()
      return built
    }),
  )
  return factsOf(own.built(device), others)
}

async function prepareWeft(
  problem: Problem,
  inputs: Inputs,
  device: Target,
  form: keyof typeof FORMS,
): Promise<WeftPrepared> {
  switch (problem.kind) {
    case 'mmca':
      return prepareWeftMmca(problem, inputs, device, FORMS[form])
    case 'llama':
      return prepareWeftLlama(problem, inputs, device)
    case 'decode':
      return prepareWeftDecode(problem, inputs, device)
    case 'adamw':
      return prepareWeftAdamw(inputs, device)
    case 'visualchat':
      return prepareWeftVisualChat(problem, inputs, device)
    case 'int4': {
      const { x, words, scales } = inputs
      const multiply = (a: Tensor, int4: Tensor, s: Tensor): Tensor => linear(a, { weight: { int4, scales: s } })
      const args: [Tensor, Tensor, Tensor] = [tensorOf(x!), tensorOf(words!), tensorOf(scales!)]
      return prepareCall(multiply, args, device, async (result) => ({ result: await floatsOf(result) }))
    }
    case 'crossEntropy': {
      const [logits, labels] = Object.values(inputs).map(tensorOf) as [Tensor, Tensor]
      const loss = (x: Tensor, l: Tensor): Tensor => crossEntropy(x, l)
      return prepareCall(valueAndGrad(loss), [logits, labels], device, async ([value, gradient]) => ({
        loss: await floatsOf(value),
        gradient: await floatsOf(gradient),
      }))
    }
    default: {
      const fn = functionOf(problem)
      const args = Object.values(inputs).map(tensorOf)
      return prepareCall(fn, args, device, async (result) => ({ result: await floatsOf(result) }))
    }
  }
}

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
    case 'copy':
      return (x) => mul(x!, 2)
  }
}
