import type { FloatDType } from '../ir/dtype.ts'
import { add, cast, dynamicUpdateSlice, type Spec, spec, zeros } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { ValueError } from '../util/errors.ts'
import type { LlamaConfig } from './config.ts'

/**
 * What a decoder remembers of B sequences, as plain state: each pass takes one and returns the next. There is room for
 * S positions, of which the first `length` are filled.
 */
export interface KvCache {
  /** Rotated keys of each layer, [B,K,S,E]. */
  readonly k: readonly Tensor[]
  /** Values of each layer, [B,K,S,E]. */
  readonly v: readonly Tensor[]
  /** i32 [B,S]: 0 padding (and not yet filled), 1 text, 2 image. */
  readonly modality: Tensor
  /** i32 [] */
  readonly length: Tensor
}

/** The cache's type as plain data, for compiling a pass. */
export interface KvCacheSpec {
  readonly k: readonly Spec[]
  readonly v: readonly Spec[]
  readonly modality: Spec
  readonly length: Spec
}

/** Shapes of a cache for B sequences of up to S positions. */
export function kvCacheSpec(config: LlamaConfig, B: number, S: number, dtype: FloatDType = 'f32'): KvCacheSpec {
  const { head_dim: E } = config
  const perLayer = Array.from({ length: config.num_hidden_layers }, () =>
    spec([B, config.num_key_value_heads, S, E], dtype),
  )
  return { k: perLayer, v: perLayer, modality: spec([B, S], 'i32'), length: spec([], 'i32') }
}

/** A cache for B sequences of up to S positions, with nothing in it. */
export function emptyCache(config: LlamaConfig, B: number, S: number, dtype: FloatDType = 'f32'): KvCache {
  const { k } = kvCacheSpec(config, B, S, dtype)
  const perLayer = (): Tensor[] => k.map(({ shape }) => zeros(shape.map(Number), dtype))
  return { k: perLayer(), v: perLayer(), modality: zeros([B, S], 'i32'), length: zeros([], 'i32') }
}

/** x with a block of T positions written from `length` on, along `axis`. */
export const writeAt = (x: Tensor, block: Tensor, length: Tensor, axis: number): Tensor =>
  dynamicUpdateSlice(
    x,
    cast(block, x.dtype),
    x.shape.map((_, a) => (a === axis ? length : 0)),
  )

/** The length after `count` further positions. */
export const grow = (length: Tensor, count: number | Tensor): Tensor => add(length, count)

/**
 * Call before each cached pass: a pass cannot see that its positions do not fit, and would overwrite earlier ones.
 * `T` counts all rows of the pass, its padding too.
 *
 * Throws ValueError if T positions do not fit behind `length` in a cache of S.
 */
export function checkRoom(S: number, length: number, T: number): void {
  if (length + T > S) {
    throw new ValueError(`the context is full: ${length} of ${S} positions are taken, ${T} more do not fit`, {
      hint: 'start a new conversation, or make the cache larger',
    })
  }
}
