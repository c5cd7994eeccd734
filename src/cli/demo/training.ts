import { compile, put, type SpecsOf } from '../../compile.ts'
import { spec, tensor } from '../../ir/ops.ts'
import type { Tensor } from '../../ir/tensor.ts'
import type { VisualChatConfig } from '../../models/visualchat.ts'
import { adamw, schedules, trainStep } from '../../train/index.ts'
import { type LoopResult, type Metrics, type Remaining, trainLoop } from '../../train/loop.ts'
import { showProgress } from '../progress.ts'
import { type DemoData, type TrainBatch, TrainBatches, type WordsBatch, WordsBatches } from './batches.ts'
import { answersLoss, wordsLoss } from './model.ts'
import { type DemoParams, initialParams } from './parameters.ts'
import { type DemoSettings, IMAGE_SIZE } from './settings.ts'

/** What is kept of every step. */
export interface StepRecord extends Metrics {
  readonly step: number
  /** Share predicted right: of the kinds in the first stage, of the answers' tokens in the second. */
  readonly right: number
  readonly learningRate: number
  readonly gradientNorm: number
}

export interface TrainResult {
  readonly params: DemoParams
  /** Of the stage of words, then of the stage of answers. */
  readonly history: { readonly words: readonly StepRecord[]; readonly answers: readonly StepRecord[] }
  readonly seconds: number
  /** Why training ended: all steps were done, the time was over, or somebody asked. */
  readonly ended: LoopResult<unknown>['ended']
}

interface Stage<B> {
  readonly name: keyof TrainResult['history']
  readonly steps: number
  readonly loss: (params: DemoParams, batch: B) => readonly [Tensor, Tensor]
  readonly specs: SpecsOf<B>
  batch(step: number): B
}

const PIXELS = spec(['N', 3, IMAGE_SIZE, IMAGE_SIZE])

/**
 * Trains from random weights: first the encoder on drawings and their words, then the whole model on questions and
 * answers. @throws ValueError when the loss is not a finite number.
 */
export async function train(
  config: VisualChatConfig,
  settings: DemoSettings,
  data: DemoData,
  signal: AbortSignal,
): Promise<TrainResult> {
  const words = new WordsBatches(data, settings)
  const answers = new TrainBatches(data, settings)
  const first: Stage<WordsBatch> = {
    name: 'words',
    steps: settings.wordSteps,
    loss: wordsLoss(config),
    specs: { images: PIXELS, words: spec(['N', config.language.vocab_size]), kinds: spec(['N'], 'i32') },
    batch: (i) => words.at(i),
  }
  const second: Stage<TrainBatch> = {
    name: 'answers',
    steps: settings.steps,
    loss: answersLoss(config),
    specs: {
      images: PIXELS,
      tokenIds: spec(['B', 'T'], 'i32'),
      imageSlot: spec(['B', 'T'], 'i32'),
      modality: spec(['B', 'T'], 'i32'),
      answerAt: spec(['K'], 'i32'),
      answers: spec(['K'], 'i32'),
    },
    batch: (i) => answers.at(i),
  }
  const most = settings.minutes * 60
  const one = await runStage(first, initialParams(config, settings.seed), settings, most, signal)
  if (one.ended !== 'steps') {
    return { ...one, history: { words: one.history, answers: [] } }
  }
  const two = await runStage(second, one.params, settings, most - one.seconds, signal)
  return { ...two, history: { words: one.history, answers: two.history }, seconds: one.seconds + two.seconds }
}

interface StageResult {
  readonly params: DemoParams
  readonly history: readonly StepRecord[]
  readonly seconds: number
  readonly ended: TrainResult['ended']
}

async function runStage<B>(
  { name, steps, loss, specs, batch: batchAt }: Stage<B>,
  initial: DemoParams,
  { device, learningRate: peak }: DemoSettings,
  seconds: number,
  signal: AbortSignal,
): Promise<StageResult> {
  const warmupSteps = Math.round(0.05 * steps)
  const schedule = schedules.warmupCosine({ peak, warmupSteps, totalSteps: steps, floor: 0.05 * peak })
  const optimizer = adamw({ learningRate: schedule, b1: 0.9, b2: 0.95, weightDecay: 0.05, mask: isMatrix })
  const initialState = optimizer.init(initial)
  type State = typeof initialState
  const compiled = compile(
    trainStep(loss, optimizer, { maxNorm: 1, hasAux: true }),
    // The specs are those of B; that B is one argument of the step is more than TypeScript can follow here.
    [initial, initialState, specs] as SpecsOf<[params: DemoParams, state: State, batch: B]>,
    { device, donate: [0, 1], argNames: ['params', 'state', 'batch'], name: `train_${name}` },
  )
  const progress = showProgress({ label: `training, ${name}`, total: steps })
  let batch = batchAt(0)
  try {
    const result = await trainLoop({
      state: { params: await put(initial, device), optimizer: await put(initialState, device) },
      limit: { steps, seconds: Math.max(seconds, 0.001) },
      signal,
      async step(state, at) {
        const done = await compiled(state.params, state.optimizer, batch)
        const metrics = async (): Promise<Metrics> => ({
          loss: await done.loss.item(),
          right: await done.aux.item(),
          gradientNorm: await done.gradientNorm.item(),
          learningRate: await schedule(tensor(at.step)).item(),
        })
        return { state: { params: done.params, optimizer: done.state }, metrics }
      },
      prepare(step) {
        batch = batchAt(step)
      },
      onStep: ({ step, metrics }, left) => progress.update(step + 1, note(metrics, left)),
    })
    const history = result.history.map(({ step, metrics }) => ({ ...metrics, step }) as StepRecord)
    return { params: result.state.params, history, seconds: result.seconds, ended: result.ended }
  } finally {
    progress.stop()
    compiled.dispose()
  }
}

/** Biases, norms and single vectors do not decay. */
const isMatrix = (path: string): boolean => !/bias|norm|layrnorm|class_embedding|projection\[1\]/.test(path)

const note = (m: Metrics, { stepsPerSecond }: Remaining): string =>
  `loss ${m.loss.toFixed(3)}, right ${(100 * m['right']!).toFixed(0)}%, rate ${m['learningRate']!.toExponential(1)}, ` +
  `gradient ${m['gradientNorm']!.toFixed(2)}, ${stepsPerSecond.toFixed(2)} steps/s`
