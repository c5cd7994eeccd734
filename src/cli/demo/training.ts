import { compile, put } from '../../compile.ts'
import { key, spec, tensor } from '../../ir/ops.ts'
import type { Tensor } from '../../ir/tensor.ts'
import { initParams } from '../../models/init.ts'
import { type VisualChatConfig, type VisualChatParams, visualChatSpec } from '../../models/visualchat.ts'
import { adamw, type Schedule, schedules, trainStep } from '../../train/index.ts'
import { ValueError } from '../../util/errors.ts'
import { showProgress } from '../progress.ts'
import type { TrainBatches } from './batches.ts'
import { demoLoss } from './model.ts'
import { type DemoSettings, IMAGE_SIZE } from './settings.ts'

/** What is kept of every step. */
export interface StepRecord {
  readonly step: number
  readonly loss: number
  /** Share of answer tokens predicted right. */
  readonly accuracy: number
  readonly learningRate: number
  readonly gradientNorm: number
}

export interface TrainResult {
  readonly params: VisualChatParams
  readonly history: readonly StepRecord[]
  readonly seconds: number
  /** Why training ended. */
  readonly ended: 'all steps done' | 'interrupted' | 'out of time'
}

/** Named sizes: batches of both stages go through one compiled function. */
const BATCH_SPEC = {
  images: spec(['N', 3, IMAGE_SIZE, IMAGE_SIZE]),
  tokenIds: spec(['B', 'T'], 'i32'),
  imageSlot: spec(['B', 'T'], 'i32'),
  modality: spec(['B', 'T'], 'i32'),
  answerAt: spec(['K'], 'i32'),
  answers: spec(['K'], 'i32'),
}

/**
 * Trains from random weights. `stopped` is asked after every step.
 * @throws ValueError when the loss is not a finite number.
 */
export async function train(
  config: VisualChatConfig,
  settings: DemoSettings,
  batches: TrainBatches,
  stopped: () => boolean,
): Promise<TrainResult> {
  const { steps, device, learningRate, minutes, seed } = settings
  const schedule = schedules.warmupCosine({
    peak: learningRate,
    warmupSteps: Math.round(0.04 * steps),
    totalSteps: steps,
    floor: 0.05 * learningRate,
  })
  const optimizer = adamw({ learningRate: schedule, b1: 0.9, b2: 0.95, weightDecay: 0.05, mask: isMatrix })
  const initial = initParams(visualChatSpec(config), key(seed))
  const step = trainStep(demoLoss(config), optimizer, { maxNorm: 1, hasAux: true })
  const initialState = optimizer.init(initial)
  const compiled = compile(step, [initial, initialState, BATCH_SPEC], {
    device,
    donate: [0, 1],
    argNames: ['params', 'state', 'batch'],
    name: 'train',
  })
  let [params, state] = [await put(initial, device), await put(initialState, device)]

  const history: StepRecord[] = []
  const progress = showProgress({ label: 'training', total: steps })
  const start = performance.now()
  const seconds = (): number => (performance.now() - start) / 1000
  let ended: TrainResult['ended'] = 'all steps done'
  try {
    let batch = batches.at(0)
    for (let i = 0; i < steps; i++) {
      const result = await compiled(params, state, batch)
      params = result.params
      state = result.state
      // The next batch is made while the device works.
      if (i + 1 < steps) batch = batches.at(i + 1)
      const record = await recordOf(i, result, schedule)
      history.push(record)
      if (!Number.isFinite(record.loss)) {
        throw new ValueError(`the loss of step ${i} is ${record.loss}`, { hint: 'lower --learning-rate' })
      }
      progress.update(i + 1, note(record, (i + 1) / seconds()))
      if (stopped()) ended = 'interrupted'
      else if (seconds() > minutes * 60) ended = 'out of time'
      if (ended !== 'all steps done') break
    }
  } finally {
    progress.stop()
  }
  return { params, history, seconds: seconds(), ended }
}

/** Biases, norms and single vectors do not decay. */
const isMatrix = (path: string): boolean => !/bias|norm|layrnorm|class_embedding|projection\.1/.test(path)

async function recordOf(
  step: number,
  result: { readonly loss: Tensor; readonly gradientNorm: Tensor; readonly aux: Tensor },
  schedule: Schedule,
): Promise<StepRecord> {
  const [loss, gradientNorm, accuracy] = await Promise.all([
    result.loss.item(),
    result.gradientNorm.item(),
    result.aux.item(),
  ])
  return { step, loss, accuracy, gradientNorm, learningRate: await schedule(tensor(step)).item() }
}

const note = (r: StepRecord, perSecond: number): string =>
  `loss ${r.loss.toFixed(3)}, tokens right ${(100 * r.accuracy).toFixed(0)}%, rate ${r.learningRate.toExponential(1)}, ` +
  `gradient ${r.gradientNorm.toFixed(2)}, ${perSecond.toFixed(2)} steps/s`
