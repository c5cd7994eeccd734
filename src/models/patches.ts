import { cast, reshape, transpose } from '../ir/ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'
import { linear } from '../nn/linear.ts'

/**
 * Patches of square images, embedded: pixels [N,C,S,S] by weight [D,C,P,P] -> [N,(S/P)^2,D], row by row, in the
 * weight's dtype. A convolution whose stride is its size, as one product.
 *
 * Throws ShapeError for images of another size.
 */
export function patchEmbedding(pixels: Tensor, weight: Tensor, S: number): Tensor {
  const [D, C, P] = weight.shape as readonly [number, number, number, number]
  const [N, ...image] = pixels.shape
  if (pixels.rank !== 4 || image[0] !== C || image[1] !== S || image[2] !== S) {
    failShape(`pixels ${formatShape(pixels.shape)}`, `images are [N,${C},${S},${S}]; resize them first`)
  }
  const G = S / P
  const grid = transpose(reshape(cast(pixels, weight.dtype), [N!, C, G, P, G, P]), [0, 2, 4, 1, 3, 5])
  return linear(reshape(grid, [N!, G * G, C * P * P]), { weight: reshape(weight, [D, C * P * P]) })
}
