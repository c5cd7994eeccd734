import { type AdamState, adamw, initParams, key, type Tensor, trainStep } from '../../src/index.ts'
import { llamaConfig } from '../../src/models/config.ts'
import {
  type VisualChatConfig,
  type VisualChatParams,
  visualChatLoss,
  visualChatSpec,
} from '../../src/models/visualchat.ts'
import type { Inputs } from '../inputs.ts'
import type { VisualChatProblem } from '../problem.ts'
import { IMAGE_SIZE, PATCH } from '../visualchat-batch.ts'
import { checkedLosses } from './checked-losses.ts'
import { prepareSteps, type Step, type Target, tensorOf, type WeftPrepared } from './weft-call.ts'

interface Training {
  readonly params: VisualChatParams
  readonly optimizer: AdamState
}

/** A training step of a model of the demo's size (src/cli/demo/settings.ts), on a batch of the demo's shapes. */
export async function prepareWeftVisualChat(
  { dim, vocab }: VisualChatProblem,
  inputs: Inputs,
  device: Target,
): Promise<WeftPrepared> {
  const config: VisualChatConfig = {
    vision: {
      kind: 'clip',
      hidden_size: dim,
      intermediate_size: 2 * dim,
      num_hidden_layers: 3,
      num_attention_heads: 4,
      num_channels: 3,
      image_size: IMAGE_SIZE,
      patch_size: PATCH,
      hidden_act: 'quick_gelu',
      layer_norm_eps: 1e-5,
    },
    language: llamaConfig({
      vocab_size: vocab,
      hidden_size: dim,
      intermediate_size: 8 * Math.ceil(dim / 3),
      num_hidden_layers: 2,
      num_attention_heads: 4,
    }),
    projection: 'baseline',
    attention: 'mmca-paper',
    imageToken: 1,
    padToken: 0,
  }
  const [images, tokenIds, imageSlot, modality, labels] = ['images', 'tokenIds', 'imageSlot', 'modality', 'labels'].map(
    (name) => tensorOf(inputs[name]!),
  ) as [Tensor, Tensor, Tensor, Tensor, Tensor]
  const batch = { images, tokenIds, imageSlot, modality, labels }
  const optimizer = adamw({ learningRate: 1e-3, weightDecay: 0.05 })
  const loss = (params: VisualChatParams, given: typeof batch): Tensor => visualChatLoss(params, config, given)
  const whole = trainStep(loss, optimizer, { maxNorm: 1 })
  const step = (now: Training, given: typeof batch): Step<Training> => {
    const { params, state, loss } = whole(now.params, now.optimizer, given)
    return { state: { params, optimizer: state }, result: loss }
  }
  const params = initParams(visualChatSpec(config), key(0))
  return prepareSteps(step, { params, optimizer: optimizer.init(params) }, batch, device, (next) =>
    checkedLosses(async () => (await next()).result.item()),
  )
}
