import { type AdamState, adamw, compile, type Tensor, trainStep, valueAndGrad } from '../../src/index.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { type LlamaParams, llamaEmbed, llamaHidden, llamaLogits, llamaSpec } from '../../src/models/llama.ts'
import { nextTokenLoss } from '../../src/models/loss.ts'
import { buildParams, namedArrays } from '../../src/models/params.ts'
import type { Outputs, Prepared } from '../implementation.ts'
import type { Inputs } from '../inputs.ts'
import { CHECKED_STEPS, EPSILON, LEARNING_RATE, type LlamaProblem, ROPE_THETA, WEIGHT_DECAY } from '../problem.ts'
import { disposeAll, finish, prepareCall, type Target, tensorOf } from './weft-call.ts'

/** weft's own decoder in one of the three modes. */
export async function prepareWeftLlama(problem: LlamaProblem, inputs: Inputs, device: Target): Promise<Prepared> {
  const { ids: idArray, labels: labelArray, ...weights } = inputs
  const config = llamaConfig({
    vocab_size: problem.vocab,
    hidden_size: problem.dim,
    intermediate_size: problem.hidden,
    num_hidden_layers: problem.layers,
    num_attention_heads: problem.heads,
    rms_norm_eps: EPSILON,
    rope_theta: ROPE_THETA,
  })
  const params: LlamaParams = buildParams(llamaSpec(config), (name) => tensorOf(weights[name]!))
  const ids = tensorOf(idArray!)
  const labels = tensorOf(labelArray!)

  const logits = (p: LlamaParams, i: Tensor): Tensor =>
    llamaLogits(p, llamaHidden(p, config, llamaEmbed(p, i), { attention: 'causal' }))
  const loss = (p: LlamaParams, i: Tensor, l: Tensor): Tensor => nextTokenLoss(logits(p, i), l)

  switch (problem.mode) {
    case 'forward':
      return prepareCall(logits, [params, ids], device, (result) => named({ logits: result }))
    case 'gradient':
      return prepareCall(valueAndGrad(loss), [params, ids, labels], device, ([value, gradients]) =>
        named({ loss: value, ...gradients }),
      )
    case 'adamw':
      return prepareTraining(loss, params, [ids, labels], device)
  }
}

type Loss = (params: LlamaParams, ids: Tensor, labels: Tensor) => Tensor

/** Steps that go on from each other, parameters and state updated in place. */
async function prepareTraining(
  loss: Loss,
  params: LlamaParams,
  batch: readonly [ids: Tensor, labels: Tensor],
  device: Target,
): Promise<Prepared> {
  const optimizer = adamw({ learningRate: LEARNING_RATE, weightDecay: WEIGHT_DECAY })
  const whole = trainStep(loss, optimizer)
  // Without the norm of the gradients, which no peer computes.
  const step = (p: LlamaParams, s: AdamState, i: Tensor, l: Tensor) => {
    const { params, state, loss } = whole(p, s, i, l)
    return { params, state, loss }
  }
  const start = { params, state: optimizer.init(params) }
  const compiled = compile(step, [start.params, start.state, ...batch], { device, donate: [0, 1] })

  // Tensors of the host are not taken over, so that training can begin from them again.
  let now = start
  const next = async (): Promise<Tensor> => {
    const { params, state, loss } = await compiled(now.params, now.state, ...batch)
    await finish(device)
    now = { params, state }
    return loss
  }
  return {
    async run() {
      ;(await next()).dispose()
    },
    async outputs() {
      now = start
      const losses: number[] = []
      for (let i = 0; i < CHECKED_STEPS; i++) losses.push(await (await next()).item())
      return { losses: Float32Array.from(losses) }
    },
    dispose() {
      compiled.dispose()
      disposeAll(now)
    },
  }
}

async function named(tree: unknown): Promise<Outputs> {
  const arrays = await namedArrays(tree)
  return Object.fromEntries([...arrays].map(([name, { data }]) => [name, data as Float32Array]))
}
