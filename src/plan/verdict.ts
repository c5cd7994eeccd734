import { isSpec } from '../ir/ops/spec.ts'
import { kvCacheSpec } from '../models/kv-cache.ts'
import { PRECISIONS, type Precision } from '../models/storage.ts'
import { flatten } from '../util/tree.ts'
import { largeBuffers } from './buffers.ts'
import { type RunMemory, weightsToRun, workingBytes } from './inference.ts'
import { bytesOf, compileOnPaper, type Paper, sum } from './paper.ts'
import { longestPass, SHALLOW } from './passes.ts'
import { modelOf, type PlanRequest, sizesOf } from './request.ts'
import { parameterOf } from './weights.ts'

/** Whether a model runs in some memory, and what it binds can be bound; if not, what would help. */
export interface Verdict {
  readonly fits: boolean
  /** Bytes to spare, or missing where negative. */
  readonly spare: number
  /** The longest sequence, a multiple of 64, with which it fits; null where none does. */
  readonly longest: number | null
  /** The most precise weights with which it fits at the length asked for; null where none do. */
  readonly precision: Precision | null
}

const STEP = 64

/** @param unread names of parameters that nothing reads. @param binds can kernels bind all that the plan has? */
export function verdictOf(
  request: PlanRequest,
  { run, unread, binds }: { readonly run: RunMemory; readonly unread: ReadonlySet<string>; readonly binds: boolean },
  memory: number,
): Verdict {
  const total = (changes: Partial<PlanRequest>): number => estimate({ ...request, ...changes }, unread)
  const fits = binds && run.total <= memory
  return {
    fits,
    spare: memory - run.total,
    longest: longest(request, fits, memory, unread),
    precision: fits
      ? request.precision
      : (coarser(request.precision).find((precision) => total({ precision }) <= memory) ?? null),
  }
}

const coarser = (precision: Precision): readonly Precision[] => PRECISIONS.slice(PRECISIONS.indexOf(precision) + 1)

/** The largest multiple of STEP that fits the memory; not less than the images take. */
function longest(
  request: PlanRequest,
  fitsAsAsked: boolean,
  memory: number,
  unread: ReadonlySet<string>,
): number | null {
  const { language, images, seq } = request
  const encoding = encodingBytes(request)
  const fits = (steps: number): boolean => estimate({ ...request, seq: steps * STEP }, unread, encoding) <= memory
  const taken = images * modelOf(request, 1).featuresPerImage
  const asked = Math.floor(seq / STEP)
  const least = Math.max(1, Math.ceil(taken / STEP))
  let low = fitsAsAsked ? Math.max(least, asked) : least
  let high = fitsAsAsked ? Math.floor(language.max_position_embeddings / STEP) : asked
  const isKnown = fitsAsAsked && low === asked
  if (high < low || !(isKnown || fits(low))) return null
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle - 1
  }
  return low * STEP
}

/** What encoding an image takes besides weights, whatever the sequence. */
function encodingBytes(request: PlanRequest): number {
  const model = modelOf(request, 1)
  const draft = model.encode?.(weightsToRun(model, request), sizesOf(request))
  return draft ? boundBytes(compileOnPaper(draft), request) : 0
}

/** What a program takes besides weights, cache and features; infinite where a kernel cannot bind what it needs. */
const boundBytes = (paper: Paper, request: PlanRequest): number =>
  largeBuffers(paper, request).length > 0 ? Number.POSITIVE_INFINITY : workingBytes(paper)

/**
 * What running takes, without compiling all layers: weights and cache by their sizes, what the programs need besides
 * from a decoder of two layers. Infinite where a kernel cannot bind what it needs.
 */
export function estimate(
  request: PlanRequest,
  unread: ReadonlySet<string>,
  encoding: number = encodingBytes(request),
): number {
  const shallow = modelOf(request, SHALLOW)
  const step = compileOnPaper(shallow.decode(weightsToRun(shallow, request), sizesOf(request)))
  const passes = [longestPass(request).paper, step].map((paper) => boundBytes(paper, request))
  const working = Math.max(encoding, ...passes)
  const whole = flatten(weightsToRun(modelOf(request), request), isSpec)
  const weights = whole.leaves.filter((_, i) => !unread.has(parameterOf(whole.paths[i]!))).map(bytesOf)
  const { B, T, N, dtype } = sizesOf(request)
  const cache = flatten(kvCacheSpec(request.language, B, T, dtype), isSpec).leaves.map(bytesOf)
  const features = B * N * shallow.featuresPerImage * request.language.hidden_size * (dtype === 'f16' ? 2 : 4)
  return sum(weights) + sum(cache) + features + working
}
