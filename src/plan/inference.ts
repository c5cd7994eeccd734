import { type Precision, storageFor } from '../models/storage.ts'
import type { ParamSpec } from '../nn/param.ts'
import type { PlannedModel } from './model.ts'
import { type Buffer, compileOnPaper, type Paper, sum } from './paper.ts'
import { type PlanRequest, sizesOf } from './request.ts'
import { computeType, parameterOf, type WeightSpecs, weightSpecs } from './weights.ts'

/** How each parameter is kept to run a model, as `loadModel` does it for a model that is computed in `computeType`. */
export const storeToRun = ({ precision }: PlanRequest): ((name: string, leaf: ParamSpec) => Precision) =>
  storageFor(precision, computeType(precision))

export function weightsToRun(model: PlannedModel, request: PlanRequest): WeightSpecs {
  const store = storeToRun(request)
  return weightSpecs(model.spec, {
    compute: computeType(request.precision),
    limit: request.bindingLimit,
    store: (name, leaf) => ({ precision: store(name, leaf) }),
  })
}

/** The programs that run a model, compiled. */
export function inferencePapers(model: PlannedModel, request: PlanRequest, pass: number): Paper[] {
  const weights = weightsToRun(model, request)
  const sizes = sizesOf(request)
  const { encode, prefill, decode } = model
  return [...(encode ? [encode(weights, sizes)] : []), prefill(weights, sizes, pass), decode(weights, sizes)].map(
    compileOnPaper,
  )
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
