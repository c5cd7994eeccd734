import type { DType } from '../dtype.ts'
import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape, range } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { Agree, Dim, Shape, ShapeMismatch, Show } from '../types.ts'
import type { FloatOnly } from './dtype-rules.ts'
import { einsum } from './einsum.ts'
import { index } from './layout.ts'

type Pair = readonly [number, number]
export interface ConvOptions {
  /** Step of the window, down and across. */
  readonly stride?: number | Pair
  /** Zeros added on both sides, down and across. */
  readonly padding?: number | Pair
}

const pair = (p: number | Pair): Pair => (typeof p === 'number' ? [p, p] : p)

type Channels<S extends Shape> = S extends readonly [Dim, infer C extends Dim, Dim, Dim] ? C : Dim
type ConvCheck<S extends Shape, W extends Shape> =
  Agree<Channels<S>, Channels<W>> extends true
    ? unknown
    : ShapeMismatch<`conv2d: [${Show<S>}] by [${Show<W>}] - channels ${Channels<S>} and ${Channels<W>} differ`>
type Lead<S extends Shape> = S extends readonly [infer N extends Dim, Dim, Dim, Dim] ? N : Dim

/**
 * x [N, C, H, W], w [O, C, I, J] -> [N, O, P, Q]: 2-D convolution (cross-correlation, as in PyTorch), where
 * P = floor((H + 2 padding - I) / stride) + 1. A stride equal to the kernel cuts x into patches and is one product;
 * otherwise there is one product for each of the I J positions of the kernel, and no copy of x per position.
 * @throws ShapeError where channels differ or the kernel is greater than the padded image.
 */
export function conv2d<S extends Shape, DX extends DType, W extends Shape, DW extends DType>(
  x: Tensor<S, DX> & FloatOnly<'conv2d'>[DX],
  w: Tensor<W, DW> & ConvCheck<S, W> & FloatOnly<'conv2d'>[DW],
  options?: ConvOptions,
): Tensor<readonly [Lead<S>, Lead<W>, Dim, Dim], DX & DW>
export function conv2d(x: Tensor, w: Tensor, { stride = 1, padding = 0 }: ConvOptions = {}): Tensor {
  const [ph, pw] = pair(padding)
  const [sh, sw] = pair(stride)
  const both = `${formatShape(x.shape)} by ${formatShape(w.shape)}`
  if (x.rank !== 4 || w.rank !== 4 || x.shape[1] !== w.shape[1]) {
    failShape(`conv2d: ${both}`, 'x is [N,C,H,W] and w is [O,C,kh,kw], with one number of channels C')
  }
  const [kh, kw] = [w.shape[2]!, w.shape[3]!]
  const padded = o.pad(x, [0, 0, ph, pw], [0, 0, ph, pw])
  const p = Math.floor((padded.shape[2]! - kh) / sh) + 1
  const q = Math.floor((padded.shape[3]! - kw) / sw) + 1
  if (p < 1 || q < 1 || kh < 1 || kw < 1) {
    failShape(`conv2d: ${both} with padding [${ph},${pw}]`, 'the kernel must not be greater than the padded image')
  }
  if (sh === kh && sw === kw) return patchProduct(o.slice(padded, [0, 0, 0, 0], cropped(x, p * kh, q * kw)), w)
  const terms = range(kh * kw).map((at): Tensor => {
    const [i, j] = [Math.floor(at / kw), at % kw]
    const rows = [i, i + (p - 1) * sh + 1, sh] as const
    const columns = [j, j + (q - 1) * sw + 1, sw] as const
    return einsum('n c p q, o c -> n o p q', index(padded, null, null, rows, columns), index(w, null, null, i, j))
  })
  return terms.reduce((a, b) => o.add(a, b))
}

const cropped = (x: Tensor, height: number, width: number): number[] => [x.shape[0]!, x.shape[1]!, height, width]

/** x [N, C, P*I, Q*J], w [O, C, I, J] -> [N, O, P, Q]. */
function patchProduct(x: Tensor, w: Tensor): Tensor {
  const [n, c, h, width] = x.shape as readonly number[]
  const [, , kh, kw] = w.shape as readonly number[]
  const patches = o.reshape(x, [n!, c!, h! / kh!, kh!, width! / kw!, kw!])
  return einsum('n c p i q j, o c i j -> n o p q', patches, w)
}
