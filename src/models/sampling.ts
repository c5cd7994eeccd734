import { ValueError } from '../util/errors.ts'

export interface SamplingOptions {
  /** 0 takes the likeliest token always; 1 samples from the model's distribution. 0 unless said. */
  readonly temperature?: number
  /** Only the k likeliest tokens. */
  readonly topK?: number
  /** Only the likeliest tokens that together reach this probability. Source: arXiv:1904.09751, section 3.1. */
  readonly topP?: number
  /** Uniform in [0, 1), for a temperature above 0: a source of randomness with a seed of its own. */
  readonly random?: () => number
}

/** Chooses a token id from logits [V]. */
export type Sampler = (logits: ArrayLike<number>) => number

/**
 * A sampler. Ties go to the lower id.
 *
 * Throws ValueError for options out of range, or a temperature above 0 without `random`; the sampler itself throws
 * ValueError for logits that hold NaN or are all infinite.
 */
export function sampler({ temperature = 0, topK, topP, random }: SamplingOptions = {}): Sampler {
  if (!(temperature >= 0 && Number.isFinite(temperature))) throw new ValueError(`sampling: temperature ${temperature}`)
  if (topK !== undefined && !(Number.isInteger(topK) && topK > 0)) throw new ValueError(`sampling: topK ${topK}`)
  if (topP !== undefined && !(topP > 0 && topP <= 1)) throw new ValueError(`sampling: topP ${topP}`)
  if (temperature === 0) return greedy
  if (!random) throw new ValueError('sampling: a temperature above 0 needs a source of random numbers')
  return (logits) => {
    const best = greedy(logits)
    const weights = Array.from(logits, (x) => Math.exp((x - logits[best]!) / temperature))
    const ids = topK === undefined && topP === undefined ? [...weights.keys()] : likeliest(weights, topK, topP)
    return draw(ids, weights, random())
  }
}

function greedy(logits: ArrayLike<number>): number {
  let best = 0
  let sum = 0
  for (let i = 0; i < logits.length; i++) {
    if (logits[i]! > logits[best]!) best = i
    sum += logits[i]!
  }
  if (logits.length === 0 || Number.isNaN(sum) || !Number.isFinite(logits[best]!)) {
    throw new ValueError('sampling: the logits are empty or not finite', {
      hint: 'the model has diverged, or its weights do not fit it',
    })
  }
  return best
}

/** Ids in falling order of weight, cut at topK and where the weights reach the share topP. */
function likeliest(weights: readonly number[], topK = weights.length, topP = 1): number[] {
  const ids = [...weights.keys()].sort((a, b) => weights[b]! - weights[a]! || a - b).slice(0, topK)
  const wanted = topP * ids.reduce((sum, id) => sum + weights[id]!, 0)
  let reached = 0
  const end = ids.findIndex((id) => {
    reached += weights[id]!
    return reached >= wanted
  })
  return end < 0 ? ids : ids.slice(0, end + 1)
}

function draw(ids: readonly number[], weights: readonly number[], u: number): number {
  let rest = u * ids.reduce((sum, id) => sum + weights[id]!, 0)
  for (const id of ids) {
    rest -= weights[id]!
    if (rest < 0) return id
  }
  // Rounding may leave a little; the last id with any weight takes it.
  return ids.findLast((id) => weights[id]! > 0)!
}
