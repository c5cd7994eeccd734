import { defaultDevice, init, type Array as JaxArray, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax'
import { type Implementation, type ImplementationOptions, type Prepared, Unsupported } from '../implementation.ts'
import type { Inputs } from '../inputs.ts'
import { EPSILON, type Operation, operation, type Problem } from '../problem.ts'
import { floatsOf, jaxArray, prepareCall } from './jax-calls.ts'
import { prepareJaxAdamw } from './jax-js-adamw.ts'
import { prepareJaxDecode, prepareJaxLlama } from './jax-js-llama.ts'
import { packageVersion } from './package-version.ts'

/** jax-js, after `standInForBrowser`. Its arrays are freed by hand: a function owns its arguments, and `ref` keeps one for another use. */
export async function openJaxJs({ device }: ImplementationOptions): Promise<Implementation> {
  if (device === 'reference') throw new Unsupported('there is no such device')
  if (!(await init(device)).includes(device)) throw new Error(`jax-js finds no ${device}`)
  defaultDevice(device)
  return {
    version: `@jax-js/jax ${packageVersion('@jax-js/jax')}`,
    prepare: async (problem, inputs) => prepareJax(problem, inputs),
  }
}

function prepareJax(problem: Problem, inputs: Inputs): Prepared {
  switch (problem.kind) {
    case 'llama':
      return prepareJaxLlama(problem, inputs)
    case 'decode':
      return prepareJaxDecode(problem, inputs)
    case 'crossEntropy':
      return prepareCrossEntropy(problem.classes, inputs)
    case 'adamw':
      return prepareJaxAdamw(inputs)
    default:
      return prepareOperation(operation(problem), inputs)
  }
}

function prepareCrossEntropy(classes: number, { logits, labels }: Inputs): Prepared {
  const inputs: [JaxArray, JaxArray] = [jaxArray(logits!), jaxArray(labels!)]
  const loss = (x: JaxArray, l: JaxArray): JaxArray =>
    np.sum(nn.logSoftmax(x, -1).mul(nn.oneHot(l, classes))).mul(-1 / logits!.shape[0]!)
  const compiled = jit((x: JaxArray, l: JaxArray) => valueAndGrad(loss)(x, l))
  return prepareCall(compiled, inputs, async ([loss, gradient]) => ({
    loss: await floatsOf(loss),
    gradient: await floatsOf(gradient),
  }))
}

function prepareOperation(problem: Operation, arrays: Inputs): Prepared {
  const inputs = Object.values(arrays).map(jaxArray)
  return prepareCall(jit(functionOf(problem)), inputs, async (result) => ({ result: await floatsOf(result) }))
}

/** Takes the inputs in the order in which `inputsOf` makes them. */
function functionOf(problem: Operation): (...inputs: JaxArray[]) => JaxArray {
  switch (problem.kind) {
    case 'matmul':
      return (a, b) => np.matmul(a!, b!)
    case 'softmax':
      return (x) => nn.softmax(x!, -1)
    case 'layerNorm':
      return (x, weight, bias) => nn.standardize(x!, -1, { epsilon: EPSILON }).mul(weight!).add(bias!)
    case 'elementwise':
      return (x, y, z) => nn.gelu(x!.mul(y!).add(z!), { approximate: false })
    case 'copy':
      return (x) => x!.mul(2)
    case 'attention': {
      const scale = 1 / Math.sqrt(problem.width)
      return (q, k, v) => np.matmul(nn.softmax(np.matmul(q!.mul(scale), k!.transpose([0, 1, 3, 2])), -1), v!)
    }
  }
}
