import { checkpoint } from '../autodiff/index.ts'
import { isSpec, type Spec, spec } from '../ir/ops/spec.ts'
import type { Tensor } from '../ir/tensor.ts'
import { isMatrixSpec } from '../nn/param.ts'
import { adamw, lossScaling, mixedPrecision, scaledTrainStep, trainStep } from '../train/index.ts'
import { flatten } from '../util/tree.ts'
import { storeToRun } from './inference.ts'
import type { PlannedModel } from './model.ts'
import { bytesOf, compileOnPaper, type Paper, sum } from './paper.ts'
import { type PlanRequest, sizesOf } from './request.ts'
import { computeType, parameterOf, type Store, type WeightSpecs, weightSpecs } from './weights.ts'

/** Who is trained: what the release trains (embeddings and projection), that with adapters, or everything. */
export const TRAINED = ['embeddings and projection', 'LoRA', 'everything'] as const
export type Trained = (typeof TRAINED)[number]

/** One step of AdamW on a batch. */
export interface TrainingPlan {
  readonly trained: Trained
  /** Are the layers of the decoder computed again in the backward pass? */
  readonly checkpointed: boolean
  readonly trainedParameters: number
  /** Bytes of weights that stay as they are. */
  readonly frozen: number
  /** Bytes of the f32 weights that are trained. */
  readonly weights: number
  /** Bytes of AdamW's two moments, f32. */
  readonly optimiser: number
  /** Bytes of the gradients, f32; among the temporaries. */
  readonly gradients: number
  /** Bytes of activations and gradients as the memory plan places them, with the batch and the results. */
  readonly working: number
  readonly total: number
  readonly paper: Paper
}

/** What can be trained: without an encoder there is no projection. */
export const trainedOf = (model: PlannedModel): readonly Trained[] =>
  TRAINED.filter((trained) => trained !== 'embeddings and projection' || model.trainedByRelease.length > 0)

type Tensors = Readonly<Record<string, Tensor>>

/**
 * Frozen weights are kept as for running; what is trained is f32, cast to f16 for the computation unless the precision is
 * f32, with loss scaling and f32 moments, as the release's optimiser has them. `unread` are names of parameters that
 * nothing reads.
 */
export function planTraining(
  model: PlannedModel,
  request: PlanRequest,
  trained: Trained,
  checkpointed: boolean,
  unread: ReadonlySet<string>,
): TrainingPlan {
  const weights = weightsToTrain(model, request, trained)
  const flat = flatten(weights, isSpec)
  const isUnread = (path: string): boolean => unread.has(parameterOf(path))
  const isTrained = (path: string): boolean =>
    !isUnread(path) &&
    (trained === 'everything' ||
      model.trainedByRelease.some((start) => path.startsWith(start)) ||
      (trained === 'LoRA' && /\.(down|up)$/.test(path)))
  const part = (wanted: (path: string) => boolean): Readonly<Record<string, Spec>> =>
    Object.fromEntries(flat.paths.flatMap((path, i) => (wanted(path) ? [[path, flat.leaves[i]!]] : [])))
  const [own, frozen] = [part(isTrained), part((path) => !isTrained(path))]
  const { loss, batch } = model.loss(sizesOf(request), checkpointed ? { wrapLayer: checkpoint } : {})
  const lossOf = (own: Tensors, frozen: Tensors, batch: unknown): Tensor => {
    // The tree of the model's parameters, whose leaves were told apart by path.
    const params = flat.rebuild(flat.paths.map((path) => own[path] ?? frozen[path]))
    return loss(params as never, batch as never)
  }
  const optimizer = adamw({ learningRate: 1e-3 })
  const moments = { step: spec([], 'i32'), mean: own, variance: own }
  const mixed = request.precision !== 'f32'
  const scaling = { scale: spec([]), goodSteps: spec([], 'i32') }
  const paper = compileOnPaper({
    name: `train ${trained}${checkpointed ? ', layers checkpointed' : ''}`,
    fn: mixed
      ? scaledTrainStep(mixedPrecision(lossOf), optimizer, lossScaling(), { maxNorm: 1 })
      : trainStep(lossOf, optimizer, { maxNorm: 1 }),
    args: [own, mixed ? { optimizer: moments, scaling } : moments, frozen, batch],
    argNames: ['trained', 'state', 'frozen', 'batch'],
    donate: [0, 1],
  })
  const bytes = (specs: Readonly<Record<string, Spec>>): number => sum(Object.values(specs).map(bytesOf))
  const trainedBytes = bytes(own)
  const frozenBytes = bytes(Object.fromEntries(Object.entries(frozen).filter(([path]) => !isUnread(path))))
  const optimiser = 2 * trainedBytes
  const working =
    sum(paper.inputs.map((b) => b.bytes)) - 3 * trainedBytes - bytes(frozen) + paper.temporaryBytes + paper.otherBytes
  return {
    trained,
    checkpointed,
    trainedParameters: trainedBytes / 4,
    frozen: frozenBytes,
    weights: trainedBytes,
    optimiser,
    gradients: trainedBytes,
    working,
    total: frozenBytes + trainedBytes + optimiser + working,
    paper,
  }
}

function weightsToTrain(model: PlannedModel, request: PlanRequest, trained: Trained): WeightSpecs {
  const frozen = storeToRun(request)
  return weightSpecs(model.spec, {
    compute: computeType(request.precision),
    limit: request.bindingLimit,
    store(name, leaf): Store {
      if (trained === 'everything' || model.trainedByRelease.some((start) => name.startsWith(start))) {
        return { precision: 'f32' }
      }
      const adapted = trained === 'LoRA' && isMatrixSpec(leaf) && model.partOf(name) === 'decoder layers'
      return { precision: frozen(name, leaf), ...(adapted ? { adapter: request.rank } : {}) }
    },
  })
}
