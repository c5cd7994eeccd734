import type { ParamSpec } from '../nn/param.ts'
import type { PlannedModel } from './model.ts'
import { type Buffer, compileOnPaper, type Paper, sum } from './paper.ts'
import { type PlanRequest, sizesOf } from './request.ts'
import { computeType, parameterOf, type Store, type WeightSpecs, weightSpecs } from './weights.ts'

/**
 * How weights are kept to run a model: matrices of decoder layers and output layer as asked; tables, norms, biases, the
 * encoder and the projection in what is computed in, as they are small, or lose more by rounding.
 */
export function storeToRun(model: PlannedModel, { precision }: PlanRequest): (name: string, leaf: ParamSpec) => Store {
  return (name) => {
    const part = model.partOf(name)
    const rounded = part === 'decoder layers' || part === 'output layer'
    return { precision: rounded ? precision : computeType(precision) }
  }
}

export const weightsToRun = (model: PlannedModel, request: PlanRequest): WeightSpecs =>
  weightSpecs(model.spec, {
    group: request.group,
    limit: request.bindingLimit,
    store: storeToRun(model, request),
  })

/** The programs that run a model, compiled. */
export function* inferencePapers(model: PlannedModel, request: PlanRequest): Generator<Paper> {
  const weights = weightsToRun(model, request)
  for (const draft of model.inference(weights, sizesOf(request))) yield compileOnPaper(draft)
}

/** Bytes that running a model takes. */
export interface RunMemory {
  readonly weights: number
  readonly cache: number
  /** Features of all images. */
  readonly features: number
  /** Of the program that takes most: its temporaries, results and the rest of its arguments. */
  readonly working: number
  readonly total: number
}

const bytesIn = (inputs: readonly Buffer[], argument: string): number =>
  sum(inputs.filter(({ name }) => name === argument || name.startsWith(`${argument}.`)).map(({ bytes }) => bytes))

const WEIGHTS = 'params.'

/** The parameter that an input of a program holds, or a part of; null for other inputs. */
export const parameterIn = (input: string): string | null =>
  input.startsWith(WEIGHTS) ? parameterOf(input.slice(WEIGHTS.length)) : null

/** Names of parameters that none of the programs reads. */
export function unreadByAll(papers: readonly Paper[]): ReadonlySet<string> {
  const [first, ...others] = papers
  const inputs = [...first!.unread].filter((input) => others.every(({ unread }) => unread.has(input)))
  return new Set(inputs.flatMap((input) => parameterIn(input) ?? []))
}

export function runMemory(papers: readonly Paper[]): RunMemory {
  const unread = unreadByAll(papers)
  const read = papers[0]!.inputs.filter(({ name }) => !unread.has(parameterIn(name) ?? ''))
  const weights = bytesIn(read, 'params')
  const most = (argument: string): number => Math.max(...papers.map(({ inputs }) => bytesIn(inputs, argument)))
  const [cache, features] = [most('cache'), most('features')]
  const working = Math.max(...papers.map(workingBytes))
  return { weights, cache, features, working, total: weights + cache + features + working }
}

/** What a call takes besides weights, cache and features. */
export function workingBytes({ inputs, temporaryBytes, otherBytes }: Paper): number {
  const kept = sum(['params', 'cache', 'features'].map((argument) => bytesIn(inputs, argument)))
  return sum(inputs.map(({ bytes }) => bytes)) - kept + temporaryBytes + otherBytes
}
