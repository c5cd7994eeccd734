import { type AdamState, adamw, applyUpdates, type Tensor } from '../../src/index.ts'
import type { Inputs } from '../inputs.ts'
import { CHECKED_STEPS, LEARNING_RATE, WEIGHT_DECAY } from '../problem.ts'
import { floatsOf, prepareSteps, type Step, type Target, tensorOf, type WeftPrepared } from './weft-call.ts'

type Tensors = Readonly<Record<string, Tensor>>

interface State {
  readonly params: Tensors
  readonly optimizer: AdamState
}

/** Updates by gradients that are given, which stay the same from step to step. */
export async function prepareWeftAdamw(inputs: Inputs, device: Target): Promise<WeftPrepared> {
  const names = Object.keys(inputs).filter((name) => !name.startsWith('gradient.'))
  const tensors = (prefix: string): Tensors =>
    Object.fromEntries(names.map((name) => [name, tensorOf(inputs[prefix + name]!)]))
  const optimizer = adamw({ learningRate: LEARNING_RATE, weightDecay: WEIGHT_DECAY })
  const step = ({ params, optimizer: state }: State, gradients: Tensors): Step<State> => {
    const { updates, state: next } = optimizer.update(gradients, state, params)
    return { state: { params: applyUpdates(params, updates), optimizer: next }, result: next.step }
  }
  const params = tensors('')
  const start = { params, optimizer: optimizer.init(params) }
  return prepareSteps(step, start, tensors('gradient.'), device, async (next) => {
    let last = await next()
    for (let i = 1; i < CHECKED_STEPS; i++) last = await next()
    const [first, end] = [names[0]!, names.at(-1)!]
    return { [first]: await floatsOf(last.state.params[first]!), [end]: await floatsOf(last.state.params[end]!) }
  })
}
