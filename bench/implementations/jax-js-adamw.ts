import { blockUntilReady, type Array as JaxArray, jit, numpy as np, tree } from '@jax-js/jax'
import type { Prepared } from '../implementation.ts'
import type { Inputs } from '../inputs.ts'
import { CHECKED_STEPS, LEARNING_RATE, WEIGHT_DECAY } from '../problem.ts'
import { floatsOf, jaxArray } from './jax-calls.ts'

export type Tensors = Record<string, JaxArray>

export interface TrainingState {
  readonly [name: string]: JaxArray | Tensors
  /** Steps made, f32. */
  readonly step: JaxArray
  readonly mean: Tensors
  readonly variance: Tensors
}

export const zeroState = (weights: Tensors): TrainingState => ({
  step: np.zeros([]),
  mean: zeros(weights),
  variance: zeros(weights),
})

const zeros = (weights: Tensors): Tensors =>
  Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, np.zeros(w.shape)]))

const B1 = 0.9
const B2 = 0.999
const EPS = 1e-8

/** AdamW as PyTorch computes it, which jax-js does not bring. Owns its arguments. */
export function adamwUpdate(weights: Tensors, gradients: Tensors, state: TrainingState): [Tensors, TrainingState] {
  const step = state.step.add(1)
  const size = correction(B1, step.ref)
  const root = np.sqrt(correction(B2, step.ref))
  const updated: Tensors = {}
  const mean: Tensors = {}
  const variance: Tensors = {}
  for (const [name, w] of Object.entries(weights)) {
    const g = gradients[name]!
    const m = state.mean[name]!.mul(B1).add(g.ref.mul(1 - B1))
    const v = state.variance[name]!.mul(B2).add(np.square(g).mul(1 - B2))
    const along = m.ref.mul(LEARNING_RATE).div(size.ref).div(np.sqrt(v.ref).div(root.ref).add(EPS))
    updated[name] = w.mul(1 - LEARNING_RATE * WEIGHT_DECAY).sub(along)
    mean[name] = m
    variance[name] = v
  }
  tree.dispose([size, root])
  return [updated, { step, mean, variance }]
}

/** 1 - b^step */
const correction = (b: number, step: JaxArray): JaxArray =>
  np
    .exp(step.mul(Math.log(b)))
    .mul(-1)
    .add(1)

/** Updates by gradients that are given. */
export function prepareJaxAdamw(inputs: Inputs): Prepared {
  const names = Object.keys(inputs).filter((name) => !name.startsWith('gradient.'))
  const tensors = (prefix: string): Tensors =>
    Object.fromEntries(names.map((name) => [name, jaxArray(inputs[prefix + name]!)]))
  const weights = tensors('')
  const gradients = tensors('gradient.')
  const compiled = jit((w: Tensors, g: Tensors, state: TrainingState) => adamwUpdate(w, g, state))
  const begin = (): [Tensors, TrainingState] => [tree.ref(weights), zeroState(weights)]
  let now = begin()
  const next = async (): Promise<void> => {
    now = await blockUntilReady(compiled(now[0], tree.ref(gradients), now[1]))
  }
  return {
    run: next,
    async outputs() {
      tree.dispose([...now])
      now = begin()
      for (let i = 0; i < CHECKED_STEPS; i++) await next()
      const ends = [names[0]!, names.at(-1)!].map(async (name) => [name, await floatsOf(now[0][name]!.ref)] as const)
      return Object.fromEntries(await Promise.all(ends))
    },
    dispose() {
      compiled.dispose()
      tree.dispose([...now, weights, gradients])
    },
  }
}
