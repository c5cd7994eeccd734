import { abs, all, argmax, eq, iota, lt, reshape, where } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import type { Sampler } from '../models/sampling.ts'
import { ValueError } from '../util/errors.ts'

/** In the place of a token: there is no likeliest one. */
const NOT_FINITE = -1

/** The logit of a token that must not be chosen: finite, and of a probability that is 0 in f32. */
const NEVER = -1e30

/** Logits f32 [B,V] with those of the given ids so low that they are never chosen. */
export function forbid(logits: Tensor, ids: readonly number[]): Tensor {
  const each = iota(logits.shape, 1)
  return ids.reduce((x, id) => where(eq(each, id), NEVER, x), logits)
}

/**
 * i32 [B,1], the likeliest token of each row of logits f32 [B,V], or -1 where one of a row is not finite: chosen on the
 * device, it can be fed to the next step before the host has read it. Ties go to the lower id.
 */
export function likeliest(logits: Tensor): Tensor {
  const finite = all(lt(abs(logits), Number.POSITIVE_INFINITY), 1)
  return reshape(where(finite, argmax(logits, 1), NOT_FINITE), [logits.shape[0]!, 1])
}

/**
 * The token id of each row that a step leaves behind: read from `likeliest`, i32 [B,1], or, with samplers, one a row,
 * drawn from logits f32 [B,V]. `contexts` are the ids of each row so far, which samplers may look at.
 *
 * Throws ValueError for logits that are not finite.
 */
export async function readTokens(
  choice: Tensor,
  samplers?: readonly Sampler[],
  contexts: readonly (readonly number[])[] = [],
): Promise<number[]> {
  const data = await choice.read()
  if (samplers) {
    const V = choice.shape[1]!
    return samplers.map((sample, b) => sample(data.subarray(b * V, (b + 1) * V), contexts[b]))
  }
  const ids = Array.from(data)
  if (!ids.includes(NOT_FINITE)) return ids
  throw new ValueError('generation: the logits are not finite', {
    hint: 'the model has diverged, or its weights do not fit it',
  })
}
