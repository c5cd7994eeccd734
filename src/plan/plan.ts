import { flattenNames } from '../models/names.ts'
import { PRECISIONS, type Precision } from '../models/storage.ts'
import { isMatrixSpec, isParamSpec } from '../nn/param.ts'
import { type LargeBuffer, type LargeWeight, largeBuffers, largeWeights } from './buffers.ts'
import { inferencePapers, parameterIn, type RunMemory, runMemory, storeToRun, unreadByAll } from './inference.ts'
import { PARTS, type Part, type PlannedModel } from './model.ts'
import { type Paper, sum } from './paper.ts'
import { longestPass } from './passes.ts'
import { checkRequest, modelOf, type PlanRequest } from './request.ts'
import { planTraining, type TrainingPlan, trainedOf } from './training.ts'
import { type Verdict, verdictOf } from './verdict.ts'

/** Parameters of one part of a model, of those that are read. */
export interface PartPlan {
  readonly part: Part
  readonly parameters: number
  /** Bytes to run it. */
  readonly bytes: number
  /** What its parameters are kept as, integers first. */
  readonly kept: readonly Precision[]
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
  /** Positions of a prompt that a pass takes in: all, or as many as a kernel can bind what they need of. */
  readonly pass: number
  /** What cannot be bound however short the passes: the model does not run. */
  readonly largeBuffers: readonly LargeBuffer[]
  /** Can kernels bind all that the programs need? */
  readonly binds: boolean
  readonly verdict: Verdict | null
}

/**
 * Compiles what runs the model, and tells what it takes.
 * @throws ValueError for sizes that cannot be.
 */
export function planInference(request: PlanRequest): InferencePlan {
  checkRequest(request)
  const model = modelOf(request)
  const pass = longestPass(request).positions
  const papers = inferencePapers(model, request, pass)
  const unread = unreadByAll(papers)
  const run = runMemory(papers)
  const weights = largeWeights(model, request, unread)
  const buffers = papers.flatMap((paper) => largeBuffers(paper, request))
  const binds = buffers.length === 0 && weights.every(({ pieces }) => pieces !== null)
  return {
    ...partsOf(model, request, papers[0]!, unread),
    run,
    papers,
    perToken: weightsPerToken(model),
    pass,
    largeWeights: weights,
    largeBuffers: buffers,
    binds,
    verdict: request.memory === null ? null : verdictOf(request, { run, unread, binds }, request.memory),
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
  request: PlanRequest,
  { inputs }: Paper,
  unread: ReadonlySet<string>,
): Pick<InferencePlan, 'parts' | 'unread'> {
  const bytes = new Map<string, number>()
  for (const input of inputs) {
    const name = parameterIn(input.name)
    if (name !== null) bytes.set(name, (bytes.get(name) ?? 0) + input.bytes)
  }
  const store = storeToRun(request)
  const leaves = [...flattenNames(model.spec, isParamSpec)].map(([name, leaf]) => ({
    name,
    parameters: leaf.shape.reduce((a, b) => a * b, 1),
    bytes: bytes.get(name)!,
    kept: store(name, leaf),
  }))
  const total = (chosen: typeof leaves): { readonly parameters: number; readonly bytes: number } => ({
    parameters: sum(chosen.map((l) => l.parameters)),
    bytes: sum(chosen.map((l) => l.bytes)),
  })
  const partOf = (part: Part): PartPlan => {
    const chosen = leaves.filter(({ name }) => !unread.has(name) && model.partOf(name) === part)
    const kept = new Set(chosen.map((l) => l.kept))
    return { part, ...total(chosen), kept: PRECISIONS.toReversed().filter((precision) => kept.has(precision)) }
  }
  return {
    parts: PARTS.map(partOf).filter(({ parameters }) => parameters > 0),
    unread: { names: [...unread], ...total(leaves.filter(({ name }) => unread.has(name))) },
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
