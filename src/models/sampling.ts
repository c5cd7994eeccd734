import { ValueError } from '../util/errors.ts'

export interface SamplingOptions {
  /** 0 takes the likeliest token always; 1 samples from the model's distribution. 0 unless said. */
  readonly temperature?: number
  /** Only the k likeliest tokens. */
  readonly topK?: number
  /** Only the likeliest tokens that together reach this probability. Source: arXiv:1904.09751, section 3.1. */
  readonly topP?: number
  /**
   * Above 1, tokens that the context holds become less likely: a logit above 0 is divided by it, one below multiplied.
   * 1, which changes nothing, unless said. Source: CTRL (arXiv:1909.05858), section 4.1, as Hugging Face computes it.
   */
  readonly repetitionPenalty?: number
  /** Uniform in [0, 1), for a temperature above 0: a source of randomness with a seed of its own. */
  readonly random?: () => number
}

/** Chooses a token id from logits [V], given the ids before it, those of the prompt included. */
export type Sampler = (logits: ArrayLike<number>, context?: readonly number[]) => number

/** Whether the likeliest token of the logits as they are is taken always, which a device can do by itself. */
export const isGreedy = ({ temperature = 0, repetitionPenalty = 1 }: SamplingOptions): boolean =>
  temperature === 0 && repetitionPenalty === 1

/**
 * A sampler. The penalty comes first, then the temperature, topK and topP, as in Hugging Face's `generate`. Ties go to
 * the lower id.
 *
 * Throws ValueError for options out of range, or a temperature above 0 without `random`; the sampler itself throws
 * ValueError for logits that hold NaN or are all infinite.
 */
export function sampler(options: SamplingOptions = {}): Sampler {
  const { temperature = 0, topK, topP, repetitionPenalty = 1, random } = options
  check('temperature', temperature, temperature >= 0 && Number.isFinite(temperature))
  check('topK', topK, topK === undefined || (Number.isInteger(topK) && topK > 0))
  check('topP', topP, topP === undefined || (topP > 0 && topP <= 1))
  check('repetitionPenalty', repetitionPenalty, repetitionPenalty > 0 && Number.isFinite(repetitionPenalty))
  if (temperature > 0 && !random)
    throw new ValueError('sampling: a temperature above 0 needs a source of random numbers')
  return (raw, context = []) => {
    const logits = repetitionPenalty === 1 ? raw : penalised(raw, context, repetitionPenalty)
    const best = greedy(logits)
    if (temperature === 0 || !random) return best
    const weights = Float64Array.from(logits, (x) => Math.exp((x - logits[best]!) / temperature))
    const ids = topK === undefined && topP === undefined ? [...weights.keys()] : likeliest(weights, topK, topP)
    return draw(ids, weights, random())
  }
}

function check(name: string, value: number | undefined, ok: boolean): void {
  if (!ok) throw new ValueError(`sampling: ${name} ${value}`)
}

function penalised(logits: ArrayLike<number>, context: readonly number[], penalty: number): Float64Array {
  const out = Float64Array.from(logits)
  for (const id of new Set(context)) out[id] = out[id]! > 0 ? out[id]! / penalty : out[id]! * penalty
  return out
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

/** Ids in falling order of weight, cut at topK and where the weights reach the share topP of those left. */
function likeliest(weights: Float64Array, topK = weights.length, topP = 1): number[] {
  const total = (ids: Iterable<number>): number => {
    let sum = 0
    for (const id of ids) sum += weights[id]!
    return sum
  }
  const falling = (a: number, b: number): number => weights[b]! - weights[a]! || a - b
  const few = topK < weights.length
  const least = few ? kthGreatest(weights, topK) : ((1 - topP) / weights.length) * total(weights.keys())
  // Only what may be chosen is sorted. A tail whose weights are all below (1 - topP) / V of the sum weighs less than
  // 1 - topP together, so topP is reached without it.
  const ids = [...weights.keys()].filter((id) => weights[id]! >= least).sort(falling)
  const kept = few ? ids.slice(0, topK) : ids
  const wanted = topP * total(few ? kept : weights.keys())
  let reached = 0
  const end = kept.findIndex((id) => {
    reached += weights[id]!
    return reached >= wanted
  })
  return end < 0 ? kept : kept.slice(0, end + 1)
}

/** The k-th of the weights in falling order. */
function kthGreatest(weights: Float64Array, k: number): number {
  const greatest = new Float64Array(k).fill(Number.NEGATIVE_INFINITY) // rising
  for (const weight of weights) {
    if (weight <= greatest[0]!) continue
    const above = greatest.findIndex((x) => x > weight)
    const end = above < 0 ? k : above
    greatest.copyWithin(0, 1, end)
    greatest[end - 1] = weight
  }
  return greatest[0]!
}

function draw(ids: readonly number[], weights: Float64Array, u: number): number {
  let rest = u * ids.reduce((sum, id) => sum + weights[id]!, 0)
  for (const id of ids) {
    rest -= weights[id]!
    if (rest < 0) return id
  }
  // Rounding may leave a little; the last id with any weight takes it.
  return ids.findLast((id) => weights[id]! > 0)!
}
