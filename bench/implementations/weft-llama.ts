import { type AdamState, adamw, type Tensor, trainStep, valueAndGrad } from '../../src/index.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { type LlamaParams, llamaEmbed, llamaHidden, llamaLogits, llamaSpec, llamaStep } from '../../src/models/llama.ts'
import { nextTokenLoss } from '../../src/models/loss.ts'
import { buildParams, namedArrays } from '../../src/models/params.ts'
import type { Outputs } from '../implementation.ts'
import type { Inputs } from '../inputs.ts'
import {
  type DecodeProblem,
  EPSILON,
  LEARNING_RATE,
  type LlamaProblem,
  type LlamaSize,
  ROPE_THETA,
  TEXT,
  WEIGHT_DECAY,
} from '../problem.ts'
import { checkedLosses } from './checked-losses.ts'
import {
  floatsOf,
  prepareCall,
  prepareSteps,
  type Step,
  type Target,
  tensorOf,
  type WeftPrepared,
} from './weft-call.ts'

/** weft's own decoder in one of the three modes. */
export async function prepareWeftLlama(problem: LlamaProblem, inputs: Inputs, device: Target): Promise<WeftPrepared> {
  const { config, params } = decoder(problem, inputs)
  const ids = tensorOf(inputs['ids']!)
  const labels = tensorOf(inputs['labels']!)
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

/** One more token, its keys and values written into the cache in place; each run writes the same place. */
export async function prepareWeftDecode(problem: DecodeProblem, inputs: Inputs, device: Target): Promise<WeftPrepared> {
  const { layers, dim, heads, cached } = problem
  const { config, params } = decoder(problem, inputs)
  const part = (name: string): Tensor[] =>
    Array.from({ length: layers }, (_, i) => tensorOf(withRoom(inputs[`cache.${i}.${name}`]!.data, heads, dim / heads)))
  const withRoom = (data: ArrayLike<number>, rows: number, width: number) => {
    const room = new Float32Array(rows * cached * width)
    const filled = (cached - 1) * width
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < filled; i++) room[row * cached * width + i] = data[row * filled + i]!
    }
    return { shape: [1, rows, cached, width], data: room }
  }
  const seen = Int32Array.from({ length: cached }, (_, i) => (i < cached - 1 ? TEXT : 0))
  const batch = {
    params,
    id: tensorOf(inputs['id']!),
    modality: tensorOf({ shape: [1, cached], data: seen }),
    length: tensorOf({ shape: [], data: Int32Array.of(cached - 1) }),
  }
  type Cache = { readonly k: readonly Tensor[]; readonly v: readonly Tensor[] }
  const step = (state: Cache, { params: p, id, modality, length }: typeof batch): Step<Cache> => {
    const { logits, cache } = llamaStep(
      p,
      config,
      llamaEmbed(p, id),
      { ...state, modality, length },
      { attention: 'causal' },
    )
    return { state: { k: cache.k, v: cache.v }, result: logits }
  }
  return prepareSteps(step, { k: part('k'), v: part('v') }, batch, device, async (next) => ({
    logits: await floatsOf((await next()).result),
  }))
}

function decoder(size: LlamaSize, weights: Inputs) {
  const config = llamaConfig({
    vocab_size: size.vocab,
    hidden_size: size.dim,
    intermediate_size: size.hidden,
    num_hidden_layers: size.layers,
    num_attention_heads: size.heads,
    rms_norm_eps: EPSILON,
    rope_theta: ROPE_THETA,
  })
  const params: LlamaParams = buildParams(llamaSpec(config), (name) => tensorOf(weights[name]!))
  return { config, params }
}

type Loss = (params: LlamaParams, ids: Tensor, labels: Tensor) => Tensor

interface Training {
  readonly params: LlamaParams
  readonly optimizer: AdamState
}

async function prepareTraining(
  loss: Loss,
  params: LlamaParams,
  batch: readonly [ids: Tensor, labels: Tensor],
  device: Target,
): Promise<WeftPrepared> {
  const optimizer = adamw({ learningRate: LEARNING_RATE, weightDecay: WEIGHT_DECAY })
  const whole = trainStep(loss, optimizer)
  // Without the norm of the gradients, which no peer computes.
  const step = (now: Training, [i, l]: typeof batch): Step<Training> => {
    const { params, state, loss } = whole(now.params, now.optimizer, i, l)
    return { state: { params, optimizer: state }, result: loss }
  }
  return prepareSteps(step, { params, optimizer: optimizer.init(params) }, batch, device, (next) =>
    checkedLosses(async () => (await next()).result.item()),
  )
}

async function named(tree: unknown): Promise<Outputs> {
  const arrays = await namedArrays(tree)
  return Object.fromEntries([...arrays].map(([name, { data }]) => [name, data as Float32Array]))
}
