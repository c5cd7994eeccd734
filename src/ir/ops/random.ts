import { ValueError } from '../../util/errors.ts'
import { userLocation } from '../../util/source.ts'
import type { Operand } from '../ops-interface.ts'
import { rawOps as o } from '../raw-ops.ts'
import { normAxis } from '../shape.ts'
import { fromHost, isTensor, type Tensor } from '../tensor.ts'
import { argmax } from './reduce.ts'
import { argsort } from './sort.ts'

/**
 * Random numbers with explicit keys: equal keys give equal numbers, on every device. Use a key once; make further ones
 * with `splitKey` and `foldIn`. A key is u32[2]; several at once, u32[...K, 2], give results with leading axes K.
 */
type Sizes = readonly number[]

/** A key u32[2] from a seed: a whole number of 0 or more, or an integer scalar tensor. @throws ValueError */
export function key(seed: number | Tensor): Tensor {
  if (isTensor(seed)) {
    const low = o.reshape(o.cast(seed, 'u32'), [1])
    return o.concat([o.zerosLike(low), low], 0)
  }
  if (!Number.isSafeInteger(seed) || seed < 0) failValue(`key: the seed ${seed}`, 'use a whole number of 0 or more')
  return fromHost({ dtype: 'u32', shape: [2], data: Uint32Array.of(Math.floor(seed / 2 ** 32), seed % 2 ** 32) })
}

function failValue(message: string, hint: string): never {
  throw new ValueError(message, { at: userLocation(), hint })
}

/** Separates the streams of `splitKey` and `foldIn` from those that draw numbers with the same key. */
const SPLIT = 0x53504c54
const FOLD = 0x464f4c44
const tagged = (k: Tensor, tag: number): Tensor =>
  o.xor(k, o.concat([o.full('u32', [1], tag), o.full('u32', [1], 0)], 0))

/** n keys u32[n, 2] from one, independent of each other. */
export const splitKey = (k: Tensor, n = 2): Tensor => o.randomBits(tagged(k, SPLIT), [n, 2])

/** A key from a key and a number, such as a step counter (which may be a traced integer scalar). */
export function foldIn(k: Tensor, data: Operand): Tensor {
  // The key is scrambled before the number is mixed in: keys of neighbouring seeds differ from it in few bits.
  const scrambled = o.randomBits(tagged(k, FOLD), [2])
  const low = isTensor(data) ? o.reshape(o.cast(data, 'u32'), [1]) : o.full('u32', [1], data)
  return o.randomBits(o.xor(scrambled, o.concat([o.zerosLike(low), low], 0)), [2])
}

/** f32 multiples of 2^-24 in [0, 1). */
const unit = (k: Tensor, shape: Sizes): Tensor =>
  o.mul(o.cast(o.shiftRight(o.randomBits(k, shape), 8), 'f32'), 2 ** -24)
/** f32 in (0, 1), both ends excluded. */
const openUnit = (k: Tensor, shape: Sizes): Tensor =>
  o.mul(o.add(o.cast(o.shiftRight(o.randomBits(k, shape), 9), 'f32'), 0.5), 2 ** -23)

export interface UniformOptions {
  readonly low?: number
  readonly high?: number
}

/** Uniform f32 in [low, high), by default [0, 1). @throws ValueError unless low < high. */
export function uniform(k: Tensor, shape: Sizes, { low = 0, high = 1 }: UniformOptions = {}): Tensor {
  if (!(Math.fround(low) < Math.fround(high)))
    failValue(`uniform: low ${low}, high ${high}`, 'low must be less than high')
  const u = unit(k, shape)
  if (low === 0 && high === 1) return u
  // The sum may round up to `high`, which is excluded.
  return o.minimum(o.add(o.mul(u, high - low), low), floatBelow(high))
}

/** The greatest f32 less than x. */
function floatBelow(x: number): number {
  const value = new Float32Array([x])
  const bits = new Int32Array(value.buffer)
  if (value[0] === 0) bits[0] = -0x7fffffff
  else bits[0]! += value[0]! > 0 ? -1 : 1
  return value[0]!
}

/** Standard normal f32. Source: Box and Muller, Ann. Math. Statist. 29 (1958). */
export function normal(k: Tensor, shape: Sizes): Tensor {
  const keys = splitKey(k, 2)
  const pick = (i: number): Tensor =>
    o.squeeze(
      o.slice(
        keys,
        keys.shape.map((_, a) => (a === keys.rank - 2 ? i : 0)),
        keys.shape.map((n, a) => (a === keys.rank - 2 ? i + 1 : n)),
      ),
      -2,
    )
  const radius = o.sqrt(o.mul(o.log(openUnit(pick(0), shape)), -2))
  // The angle lies in [-pi, pi), where a device's cosine is accurate.
  const angle = o.mul(o.sub(unit(pick(1), shape), 0.5), 2 * Math.PI)
  return o.mul(radius, o.cos(angle))
}

/** bool, true with probability p (a number, or a tensor that broadcasts to `shape`). */
export const bernoulli = (k: Tensor, p: Operand, shape: Sizes = isTensor(p) ? p.shape : []): Tensor =>
  o.lt(unit(k, shape), p)

/**
 * i32 indices along `axis`, each with probability softmax(logits). Gumbel-max: the greatest of logits + noise.
 * Source: Gumbel, Statistical Theory of Extreme Values (1954).
 */
export function categorical(k: Tensor, logits: Tensor, axis = -1): Tensor {
  const noise = o.neg(o.log(o.neg(o.log(openUnit(k, logits.shape)))))
  return argmax(o.add(o.cast(logits, 'f32'), noise), normAxis('categorical', axis, logits.rank))
}

/** 0 to n - 1 in random order, i32[n]. */
export const permutation = (k: Tensor, n: number): Tensor => argsort(o.randomBits(k, [n]))

/**
 * x with each element set to 0 with probability `rate` and the others scaled by 1 / (1 - rate).
 * @throws ValueError unless 0 <= rate < 1. Source: Srivastava et al., JMLR 15 (2014).
 */
export function dropout(k: Tensor, x: Tensor, rate: number): Tensor {
  if (!(rate >= 0 && rate < 1)) failValue(`dropout: rate ${rate}`, 'use a rate from 0 to less than 1')
  return rate === 0 ? x : o.where(bernoulli(k, 1 - rate, x.shape), o.mul(x, 1 / (1 - rate)), 0)
}
