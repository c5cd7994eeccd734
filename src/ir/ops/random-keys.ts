import { ValueError } from '../../util/errors.ts'
import { userLocation } from '../../util/source.ts'
import type { DType } from '../dtype.ts'
import type { Operand } from '../ops-interface.ts'
import { failDType } from '../prims/common.ts'
import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape } from '../shape.ts'
import { fromHost, isTensor, type Tensor } from '../tensor.ts'
import type { Dim, IsWide, Shape } from '../types.ts'
import type { U32Only } from './dtype-rules.ts'

/**
 * Random numbers with explicit keys: equal keys give equal numbers, on every device. Use a key once, and make further
 * ones with `splitKey` and `foldIn`. A key is u32[2]; several at once, u32[...K, 2], give results with leading axes K.
 */
export type Key = Tensor<readonly [2], 'u32'>
/** The axes K of keys [...K, 2], followed by S. */
export type PerKey<K extends Shape, S extends Shape> =
  IsWide<K> extends true ? Shape : K extends readonly [...infer B extends Shape, Dim] ? readonly [...B, ...S] : Shape

/**
 * -> a key from a seed: a whole number of 0 or more, or an integer scalar.
 * @throws ValueError for another number; ShapeError for a tensor that is no scalar.
 */
export function key(seed: number | Tensor): Key
export function key(seed: number | Tensor): Tensor {
  if (isTensor(seed)) {
    const low = o.reshape(o.cast(seed, 'u32'), [1])
    return o.concat([o.zerosLike(low), low], 0)
  }
  if (!Number.isSafeInteger(seed) || seed < 0) failValue(`key: the seed ${seed}`, 'use a whole number of 0 or more')
  return fromHost({ dtype: 'u32', shape: [2], data: Uint32Array.of(Math.floor(seed / 2 ** 32), seed % 2 ** 32) })
}

/** @throws ValueError always, with the user's source line. */
export function failValue(message: string, hint: string): never {
  throw new ValueError(message, { at: userLocation(), hint })
}

/** @throws DTypeError, ShapeError unless k is u32[..., 2]. */
export function requireKey(op: string, k: Tensor): void {
  const got = `got ${k.dtype}${formatShape(k.shape)}`
  if (k.dtype !== 'u32') failDType(`${op}: a key is u32[2], ${got}`, 'make one with key(seed)')
  if (k.shape.at(-1) !== 2) failShape(`${op}: a key is u32[2], ${got}`, 'make one with key(seed)')
}

/** Separates the streams of `splitKey` and `foldIn` from those that draw numbers with the same key. */
const SPLIT = 0x53504c54
const FOLD = 0x464f4c44
const tagged = (k: Tensor, tag: number): Tensor =>
  o.xor(k, o.concat([o.full('u32', [1], tag), o.full('u32', [1], 0)], 0))

/** k [...K, 2] -> [...K, N, 2]: so many keys (2 unless said), independent of each other and of k. */
export function splitKey<K extends Shape, D extends DType, const N extends number = 2>(
  k: Tensor<K, D> & U32Only<'splitKey'>[D],
  n?: N,
): Tensor<PerKey<K, readonly [N, 2]>, 'u32'>
export function splitKey(k: Tensor, n = 2): Tensor {
  requireKey('splitKey', k)
  return o.randomBits(tagged(k, SPLIT), [n, 2])
}

/** k [...K, 2] -> [...K, 2]: a key from a key and a whole number, such as a step (an integer scalar may be traced). */
export function foldIn<K extends Shape, D extends DType>(
  k: Tensor<K, D> & U32Only<'foldIn'>[D],
  data: Operand,
): Tensor<K, 'u32'>
export function foldIn(k: Tensor, data: Operand): Tensor {
  requireKey('foldIn', k)
  // The key is scrambled before the number is mixed in: keys of neighbouring seeds differ from it in few bits.
  const scrambled = o.randomBits(tagged(k, FOLD), [2])
  const low = isTensor(data) ? o.reshape(o.cast(data, 'u32'), [1]) : o.full('u32', [1], data)
  return o.randomBits(o.xor(scrambled, o.concat([o.zerosLike(low), low], 0)), [2])
}
