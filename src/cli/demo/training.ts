import { compile, put, type SpecsOf } from '../../compile.ts'
import { spec, tensor } from '../../ir/ops.ts'
import type { Tensor } from '../../ir/tensor.ts'
import type { VisualChatConfig } from '../../models/visualchat.ts'
import {
  adamw,
  lossScaling,
  mixedPrecision,
  type Schedule,
  type Stepped,
  scaledTrainStep,
  schedules,
  trainStep,
} from '../../train/index.ts'
import { type LoopResult, type Metrics, type Remaining, trainLoop } from '../../train/loop.ts'
import { showProgress } from '../progress.ts'
import { type TrainBatch, TrainBatches } from './batches.ts'
import type { DemoData } from './data.ts'
import { answersLoss, wordsLoss } from './model.ts'
import { type DemoParams, initialParams } from './parameters.ts'
import { type DemoSettings, IMAGE_SIZE } from './settings.ts'
import { type WordsBatch, WordsBatches } from './words.ts'

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
  /** The parameters that change; the others stay as they are. */
  readonly trained: readonly (keyof DemoParams)[]
  readonly steps: number
  readonly loss: (params: DemoParams, batch: B) => readonly [Tensor, Tensor]
  readonly specs: SpecsOf<B>
  batch(step: number): B
}

const PIXELS = spec(['N', 3, IMAGE_SIZE, IMAGE_SIZE])

/** Of the time, at most this part goes to the first stage: without the second the model answers nothing. */
const FIRST_STAGE = 0.45

/**
 * Trains from random weights: first the encoder on drawings and their words, then the decoder on questions and
 * answers. The encoder then stays as it is, as in the paper: what dialogues tell it about drawings is less than it
 * knows, and without its gradients a step takes little more than the decoder's part.
 * @throws ValueError when the loss is not a finite number.
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
    trained: ['vis_encoder', 'projection', 'embed_tokens'],
    steps: settings.wordSteps,
    loss: wordsLoss(config),
    specs: { images: PIXELS, words: spec(['N', config.language.vocab_size]), kinds: spec(['N'], 'i32') },
    batch: (i) => words.at(i),
  }
  const second: Stage<TrainBatch> = {
    name: 'answers',
    trained: ['projection', 'embed_tokens', 'decoder'],
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
  const one = await runStage(first, initialParams(config, settings.seed), settings, FIRST_STAGE * most, signal)
  if (one.ended === 'interrupted') {
    return { ...one, history: { words: one.history, answers: [] } }
  }
  const two = await runStage(second, one.params, settings, most - one.seconds, signal)
  const ended = two.ended === 'steps' ? one.ended : two.ended
  return {
    params: two.params,
    history: { words: one.history, answers: two.history },
    seconds: one.seconds + two.seconds,
    ended,
  }
}

interface StageResult {
  readonly params: DemoParams
  readonly history: readonly StepRecord[]
  readonly seconds: number
  readonly ended: TrainResult['ended']
}

/** Some of the model's parts. */
type Parts = Partial<DemoParams>

async function runStage<B>(
  stage: Stage<B>,
  initial: DemoParams,
  settings: DemoSettings,
  seconds: number,
  signal: AbortSignal,
): Promise<StageResult> {
  const { trained, steps, loss } = stage
  const { learningRate: peak, precision } = settings
  const warmupSteps = Math.round(0.05 * steps)
  const schedule = schedules.warmupCosine({ peak, warmupSteps, totalSteps: steps, floor: 0.02 * peak })
  const optimizer = adamw({ learningRate: schedule, b1: 0.9, b2: 0.99, weightDecay: 0.05, mask: isMatrix })
  const changing = parts(initial, (key) => trained.includes(key))
  const fixed = parts(initial, (key) => !trained.includes(key))
  // `initial` is for the type: between them the two have every part.
  const lossOf = (params: Parts, rest: Parts, batch: B) => loss({ ...initial, ...rest, ...params }, batch)
  const options = { maxNorm: 1, hasAux: true } as const
  const run = { stage, initial, changing, fixed, settings, schedule, seconds, signal }
  const state = optimizer.init(changing)
  if (precision === 'f32') return runSteps(run, state, trainStep(lossOf, optimizer, options))
  const scaling = lossScaling()
  const step = scaledTrainStep(mixedPrecision(lossOf, { dtype: precision }), optimizer, scaling, options)
  return runSteps(run, { optimizer: state, scaling: scaling.init() }, step)
}

/** What a stage needs to run, whatever its steps do. */
interface Run<B> {
  readonly stage: Stage<B>
  readonly initial: DemoParams
  readonly changing: Parts
  readonly fixed: Parts
  readonly settings: DemoSettings
  readonly schedule: Schedule
  readonly seconds: number
  readonly signal: AbortSignal
}

type Made<S> = Stepped<Parts, S> & { readonly aux: Tensor; readonly skipped?: Tensor }

async function runSteps<B, S>(
  { stage, initial, changing, fixed, settings: { device }, schedule, seconds, signal }: Run<B>,
  initialState: S,
  stepOf: (params: Parts, state: S, rest: Parts, batch: B) => Made<S>,
): Promise<StageResult> {
  const { name, steps, specs, batch: batchAt } = stage
  const compiled = compile(
    stepOf,
    // The specs are those of B; that B is one argument of the step is more than TypeScript can follow here.
    [changing, initialState, fixed, specs] as SpecsOf<[params: Parts, state: S, rest: Parts, batch: B]>,
    { device, donate: [0, 1], argNames: ['params', 'state', 'rest', 'batch'], name: `train_${name}` },
  )
  const progress = showProgress({ label: `training, ${name}`, total: steps })
  const rest = await put(fixed, device)
  let batch = batchAt(0)
  try {
    const result = await trainLoop({
      state: await put({ params: changing, optimizer: initialState }, device),
      limit: { steps, seconds: Math.max(seconds, 0.001) },
      signal,
      async step(state, at) {
        const done = await compiled(state.params, state.optimizer, rest, batch)
        const metrics = async (): Promise<Metrics> => ({
          loss: await done.loss.item(),
          right: await done.aux.item(),
          gradientNorm: await done.gradientNorm.item(),
          learningRate: await schedule(tensor(at.step)).item(),
          ...(done.skipped ? { skipped: await done.skipped.item() } : {}),
        })
        return { state: { params: done.params, optimizer: done.state }, metrics }
      },
      prepare(step) {
        batch = batchAt(step)
      },
      onStep: ({ step, metrics }, left) => progress.update(step + 1, note(metrics, left)),
    })
    const history = result.history.map(({ step, metrics }) => ({ ...metrics, step }) as StepRecord)
    return {
      params: { ...initial, ...rest, ...result.state.params },
      history,
      seconds: result.seconds,
      ended: result.ended,
    }
  } finally {
    progress.stop()
    compiled.dispose()
  }
}

const parts = (params: DemoParams, of: (key: keyof DemoParams) => boolean): Parts =>
  Object.fromEntries(Object.entries(params).filter(([key]) => of(key as keyof DemoParams)))

/** Biases, norms and single vectors do not decay. */
const isMatrix = (path: string): boolean => !/bias|norm|layrnorm|class_embedding|projection\[1\]/.test(path)

const note = (m: Metrics, { stepsPerSecond }: Remaining): string =>
  `loss ${m.loss.toFixed(3)}, right ${(100 * m['right']!).toFixed(0)}%, rate ${m['learningRate']!.toExponential(1)}, ` +
  `gradient ${m['gradientNorm']!.toFixed(2)}, ${stepsPerSecond.toFixed(2)} steps/s`
