import type { DType } from '../dtype.ts'
import { failShape, formatShape } from '../shape.ts'
import { fromHost, hostFromNumbers, type Tensor } from '../tensor.ts'
import type { Dim, Shape } from '../types.ts'
import type { FloatOnly } from './dtype-rules.ts'
import { einsum } from './einsum.ts'

/** Coefficient of PyTorch's and OpenCV's bicubic kernel. */
const A = -0.75

/** Keys' cubic convolution kernel. Source: Keys, IEEE Trans. ASSP 29 (1981). */
function cubic(distance: number): number {
  const t = Math.abs(distance)
  if (t <= 1) return ((A + 2) * t - (A + 3)) * t * t + 1
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * A : 0
}

/** Weights [output, input] of one axis; samples beyond the border repeat the border. */
function bicubicWeights(input: number, output: number): number[] {
  const weights = new Array<number>(output * input).fill(0)
  for (let row = 0; row < output; row++) {
    const at = ((row + 0.5) * input) / output - 0.5
    const base = Math.floor(at)
    for (let tap = base - 1; tap <= base + 2; tap++) {
      weights[row * input + Math.min(Math.max(tap, 0), input - 1)]! += cubic(at - tap)
    }
  }
  return weights
}

type Resized<S extends Shape, P extends number, Q extends number> = S extends readonly [
  infer N extends Dim,
  infer C extends Dim,
  Dim,
  Dim,
]
  ? readonly [N, C, P, Q]
  : readonly [Dim, Dim, P, Q]

/**
 * x [N, C, H, W] -> [N, C, P, Q]: bicubic resampling, as PyTorch's interpolate(mode='bicubic', align_corners=False)
 * without antialiasing. Two products with constant matrices, [P, H] and [Q, W].
 * @throws ShapeError unless x has four axes, and no image is empty; DTypeError for integers.
 */
export function resizeBicubic<S extends Shape, D extends DType, P extends number, Q extends number>(
  x: Tensor<S, D> & FloatOnly<'resizeBicubic'>[D],
  size: readonly [P, Q],
): Tensor<Resized<S, P, Q>, D>
export function resizeBicubic(x: Tensor, [height, width]: readonly [number, number]): Tensor {
  const [, , h, w] = x.shape as readonly number[]
  if (x.rank !== 4 || h === 0 || w === 0 || height < 1 || width < 1) {
    failShape(
      `resizeBicubic: ${formatShape(x.shape)} to [${height},${width}]`,
      'x is [N,C,H,W], and both images have pixels',
    )
  }
  const matrix = (rows: number, columns: number): Tensor =>
    fromHost(hostFromNumbers(x.dtype, [rows, columns], bicubicWeights(columns, rows)))
  return einsum('n c h w, p h, q w -> n c p q', x, matrix(height, h!), matrix(width, w!))
}
