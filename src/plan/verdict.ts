import { isSpec } from '../ir/ops/spec.ts'
import { kvCacheSpec } from '../models/kv-cache.ts'
import { flatten } from '../util/tree.ts'
import { inferencePapers, type RunMemory, weightsToRun, workingBytes } from './inference.ts'
import { bytesOf, sum } from './paper.ts'
import { modelOf, type PlanRequest, sizesOf } from './request.ts'
import { PRECISIONS, type Precision, parameterOf } from './weights.ts'

/** Whether a model runs in some memory, and if not, what would help. */
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

/** @param unread names of parameters that nothing reads. */
export function verdictOf(request: PlanRequest, run: RunMemory, unread: ReadonlySet<string>, memory: number): Verdict {
  const total = (changes: Partial<PlanRequest>): number => estimate({ ...request, ...changes }, unread)
  const fits = run.total <= memory
  return {
    fits,
    spare: memory - run.total,
    longest: longest(request, (seq) => total({ seq }) <= memory),
    precision: fits
      ? request.precision
      : (coarser(request.precision).find((precision) => total({ precision }) <= memory) ?? null),
  }
}

const coarser = (precision: Precision): readonly Precision[] => PRECISIONS.slice(PRECISIONS.indexOf(precision) + 1)

/** The largest multiple of STEP for which `fits`, which is true up to some length; not less than the images take. */
function longest({ language, images, ...request }: PlanRequest, fits: (seq: number) => boolean): number | null {
  const taken = images * modelOf({ ...request, language, images }, 1).featuresPerImage
  let low = Math.max(1, Math.ceil(taken / STEP))
  let high = Math.floor(language.max_position_embeddings / STEP)
  if (high < low || !fits(low * STEP)) return null
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(middle * STEP)) low = middle
    else high = middle - 1
  }
  return low * STEP
}

/** Layers of the decoder that is compiled in place of the whole: temporaries do not outlive a layer. */
const SHALLOW = 2

/**
 * What running takes, without compiling all layers: weights and cache by their sizes, what the programs need besides
 * from a decoder of two layers.
 */
export function estimate(request: PlanRequest, unread: ReadonlySet<string>): number {
  const shallow = modelOf(request, SHALLOW)
  const working = Math.max(...[...inferencePapers(shallow, request)].map(workingBytes))
  const whole = flatten(weightsToRun(modelOf(request), request), isSpec)
  const weights = whole.leaves.filter((_, i) => !unread.has(parameterOf(whole.paths[i]!))).map(bytesOf)
  const { B, T, N, dtype } = sizesOf(request)
  const cache = flatten(kvCacheSpec(request.language, B, T, dtype), isSpec).leaves.map(bytesOf)
  const features = B * N * shallow.featuresPerImage * request.language.hidden_size * (dtype === 'f16' ? 2 : 4)
  return sum(weights) + sum(cache) + features + working
}
