import { abs, all, argmax, eq, iota, lt, reshape, where } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import type { Sampler } from '../models/sampling.ts'
import { ValueError } from '../util/errors.ts'

/** In the place of a token: there is no likeliest one. */
const NOT_FINITE = -1

/** The logit of a token that must not be chosen: finite, and of a probability that is 0 in f32. */
const NEVER = -1e30

/** Logits f32 [1,V] with those of the given ids so low that they are never chosen. */
export function forbid(logits: Tensor, ids: readonly number[]): Tensor {
  const each = iota(logits.shape, 1)
  return ids.reduce((x, id) => where(eq(each, id), NEVER, x), logits)
}

/**
 * i32 [1,1], the likeliest token of logits f32 [1,V], or -1 where one of them is not finite: chosen on the device, it
 * can be fed to the next step before the host has read it. Ties go to the lower id.
 */
export function likeliest(logits: Tensor): Tensor {
  const finite = all(lt(abs(logits), Number.POSITIVE_INFINITY))
  return reshape(where(finite, argmax(logits), NOT_FINITE), [1, 1])
}

/**
 * The token id that a step leaves behind: drawn from its logits f32 [1,V], or, without a sampler, read from
 * `likeliest`.
 *
 * Throws ValueError for logits that are not finite.
 */
export async function readToken(choice: Tensor, sample: Sampler | undefined): Promise<number> {
  if (sample) return sample(await choice.read())
  const id = await choice.item()
  if (id !== NOT_FINITE) return id
  throw new ValueError('chat: the logits are not finite', {
    hint: 'the model has diverged, or its weights do not fit it',
  })
}
