import { flattenNames } from '../models/names.ts'
import { isMatrixSpec, isParamSpec } from '../nn/param.ts'
import { type LargeBuffer, type LargeWeight, largeBuffers, largeWeights } from './buffers.ts'
import { inferencePapers, parameterIn, type RunMemory, runMemory, unreadByAll } from './inference.ts'
import { PARTS, type Part, type PlannedModel } from './model.ts'
import { type Paper, sum } from './paper.ts'
import { checkRequest, modelOf, type PlanRequest } from './request.ts'
import { planTraining, type TrainingPlan, trainedOf } from './training.ts'
import { type Verdict, verdictOf } from './verdict.ts'

/** Parameters of one part of a model, of those that are read. */
export interface PartPlan {
  readonly part: Part
  readonly parameters: number
  /** Bytes to run it. */
  readonly bytes: number
}

/** What a model takes to run. */
export interface InferencePlan {
  readonly parts: readonly PartPlan[]
  /** In the checkpoint, but read by nothing, so that they need not be loaded. */
  readonly unread: { readonly names: readonly string[]; readonly parameters: number; readonly bytes: number }
  readonly run: RunMemory
  readonly papers: readonly Paper[]
  /** Weights of matrices that each token of the decoder is multiplied with. */
  readonly perToken: number
  readonly largeWeights: readonly LargeWeight[]
  readonly largeBuffers: readonly LargeBuffer[]
  readonly verdict: Verdict | null
}

/**
 * Compiles what runs the model, and tells what it takes.
 * @throws ValueError for sizes that cannot be.
 */
export function planInference(request: PlanRequest): InferencePlan {
  checkRequest(request)
  const model = modelOf(request)
  const papers = [...inferencePapers(model, request)]
  const unread = unreadByAll(papers)
  const run = runMemory(papers)
  return {
    ...partsOf(model, papers[0]!, unread),
    run,
    papers,
    perToken: weightsPerToken(model),
    largeWeights: largeWeights(model, request, unread),
    largeBuffers: papers.flatMap((paper) => largeBuffers(paper, request)),
    verdict: request.memory === null ? null : verdictOf(request, run, unread, request.memory),
  }
}

/** Compiles a step of each kind of training, with and without checkpoints. */
export function* planTrainings(request: PlanRequest, { papers }: InferencePlan): Generator<TrainingPlan> {
  const model = modelOf(request)
  const unread = unreadByAll(papers)
  for (const trained of trainedOf(model)) {
    for (const checkpointed of [false, true]) yield planTraining(model, request, trained, checkpointed, unread)
  }
}

function partsOf(
  model: PlannedModel,
  { inputs }: Paper,
  unread: ReadonlySet<string>,
): Pick<InferencePlan, 'parts' | 'unread'> {
  const bytes = new Map<string, number>()
  for (const input of inputs) {
    const name = parameterIn(input.name)
    if (name !== null) bytes.set(name, (bytes.get(name) ?? 0) + input.bytes)
  }
  const leaves = [...flattenNames(model.spec, isParamSpec)].map(([name, { shape }]) => ({
    name,
    parameters: shape.reduce((a, b) => a * b, 1),
    bytes: bytes.get(name)!,
  }))
  const total = (of: (name: string) => boolean): { readonly parameters: number; readonly bytes: number } => {
    const chosen = leaves.filter(({ name }) => of(name))
    return { parameters: sum(chosen.map((l) => l.parameters)), bytes: sum(chosen.map((l) => l.bytes)) }
  }
  return {
    parts: PARTS.map((part) => ({
      part,
      ...total((name) => !unread.has(name) && model.partOf(name) === part),
    })).filter(({ parameters }) => parameters > 0),
    unread: { names: [...unread], ...total((name) => unread.has(name)) },
  }
}

/** N of the rule that a token takes 2 N operations: matrices of layers and output layer, without look-ups. */
function weightsPerToken({ spec, language, partOf }: PlannedModel): number {
  const matrices = [...flattenNames(spec, isParamSpec)].filter(([name, leaf]) => {
    const part = partOf(name)
    return isMatrixSpec(leaf) && (part === 'decoder layers' || part === 'output layer')
  })
  const tied = language.tie_word_embeddings ? language.vocab_size * language.hidden_size : 0
  return tied + sum(matrices.map(([, { shape }]) => shape.reduce((a, b) => a * b, 1)))
}
