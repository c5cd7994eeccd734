import type { DType } from '../dtype.ts'
import type { Operand } from '../ops-interface.ts'
import { rawOps as o } from '../raw-ops.ts'
import { normAxis } from '../shape.ts'
import { isTensor, type Tensor } from '../tensor.ts'
import type { Shape } from '../types.ts'
import type { AxesCheck, Reduced } from './axis-types.ts'
import type { ShapeIn } from './broadcast-types.ts'
import type { FloatOnly, U32Only } from './dtype-rules.ts'
import { failValue, type PerKey, requireKey, splitKey } from './random-keys.ts'
import { argmax } from './reduce.ts'
import { requireFloat } from './require.ts'
import { argsort } from './sort.ts'

/** Draws, each a pure function of its key: k u32[...K, 2]. All throw DTypeError or ShapeError for what is no key. */
type Sizes = readonly number[]

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

/** k [...K, 2] -> f32 [...K, ...shape], uniform in [low, high), by default [0, 1). @throws ValueError unless low < high. */
export function uniform<K extends Shape, D extends DType, const S extends Sizes>(
  k: Tensor<K, D> & U32Only<'uniform'>[D],
  shape: S,
  options?: UniformOptions,
): Tensor<PerKey<K, S>, 'f32'>
export function uniform(k: Tensor, shape: Sizes, { low = 0, high = 1 }: UniformOptions = {}): Tensor {
  requireKey('uniform', k)
  if (!(Math.fround(low) < Math.fround(high)))
    failValue(`uniform: low ${low}, high ${high}`, 'low must be less than high')
  const u = unit(k, shape)
  if (low === 0 && high === 1) return u
  // The sum may round up to `high`, which is excluded.
  return o.minimum(o.add(o.mul(u, high - low), low), floatBelow(high))
}

/** The greatest f32 less than x, itself rounded to f32. */
function floatBelow(x: number): number {
  const value = Float32Array.of(x)
  const bits = new Int32Array(value.buffer)
  if (value[0] === 0) return -(2 ** -149)
  bits[0]! += value[0]! > 0 ? -1 : 1
  return value[0]!
}

/**
 * k [...K, 2] -> f32 [...K, ...shape], standard normal.
 * Source: Box and Muller, Ann. Math. Statist. 29 (1958).
 */
export function normal<K extends Shape, D extends DType, const S extends Sizes>(
  k: Tensor<K, D> & U32Only<'normal'>[D],
  shape: S,
): Tensor<PerKey<K, S>, 'f32'>
export function normal(k: Tensor, shape: Sizes): Tensor {
  requireKey('normal', k)
  const keys: Tensor = splitKey(k, 2)
  const pick = (i: number): Tensor => o.gather(keys, o.full('i32', [], i), { axis: keys.rank - 2, batch: 0 })
  const radius = o.sqrt(o.mul(o.log(openUnit(pick(0), shape)), -2))
  // The angle lies in [-pi, pi), where a device's cosine is accurate.
  const angle = o.mul(o.sub(unit(pick(1), shape), 0.5), 2 * Math.PI)
  return o.mul(radius, o.cos(angle))
}

/**
 * k [...K, 2] -> bool [...K, ...shape], true with probability p: a number, or a tensor that broadcasts to the result
 * (and whose shape is the default).
 */
export function bernoulli<
  K extends Shape,
  D extends DType,
  const P extends Operand,
  const S extends Shape = ShapeIn<P>,
>(k: Tensor<K, D> & U32Only<'bernoulli'>[D], p: P, shape?: S & Sizes): Tensor<PerKey<K, S>, 'bool'>
export function bernoulli(k: Tensor, p: Operand, shape: Sizes = isTensor(p) ? p.shape : []): Tensor {
  requireKey('bernoulli', k)
  return o.lt(unit(k, shape), p)
}

/**
 * k [2], logits [...S] -> i32 S without `axis` (by default the last): indices drawn with probability softmax(logits).
 * Gumbel-max: the greatest of logits + noise. Source: Gumbel, Statistical Theory of Extreme Values (1954).
 * @throws ShapeError for an axis out of range; DTypeError for integers.
 */
export function categorical<D extends DType, S extends Shape, E extends DType, const X extends number = -1>(
  k: Tensor<Shape, D> & U32Only<'categorical'>[D],
  logits: Tensor<S, E> & FloatOnly<'categorical'>[E],
  axis?: X & AxesCheck<'categorical', S, X>,
): Tensor<Reduced<S, X, false>, 'i32'>
export function categorical(k: Tensor, logits: Tensor, axis = -1): Tensor {
  requireKey('categorical', k)
  requireFloat('categorical', logits)
  const noise = o.neg(o.log(o.neg(o.log(openUnit(k, logits.shape)))))
  return argmax(o.add(o.cast(logits, 'f32'), noise), normAxis('categorical', axis, logits.rank))
}

/** k [...K, 2] -> i32 [...K, N]: 0 to n - 1 in random order. */
export function permutation<K extends Shape, D extends DType, N extends number>(
  k: Tensor<K, D> & U32Only<'permutation'>[D],
  n: N,
): Tensor<PerKey<K, readonly [N]>, 'i32'>
export function permutation(k: Tensor, n: number): Tensor {
  requireKey('permutation', k)
  return argsort(o.randomBits(k, [n]))
}

/**
 * k [2], x [...S] -> [...S]: each element 0 with probability `rate`, the others scaled by 1 / (1 - rate).
 * Source: Srivastava et al., JMLR 15 (2014).
 * @throws ValueError unless 0 <= rate < 1; DTypeError for integers.
 */
export function dropout<D extends DType, S extends Shape, E extends DType>(
  k: Tensor<Shape, D> & U32Only<'dropout'>[D],
  x: Tensor<S, E> & FloatOnly<'dropout'>[E],
  rate: number,
): Tensor<S, E>
export function dropout(k: Tensor, x: Tensor, rate: number): Tensor {
  requireKey('dropout', k)
  requireFloat('dropout', x)
  if (!(rate >= 0 && rate < 1)) failValue(`dropout: rate ${rate}`, 'use a rate from 0 to less than 1')
  return rate === 0 ? x : o.where(o.lt(unit(k, x.shape), 1 - rate), o.mul(x, 1 / (1 - rate)), 0)
}
