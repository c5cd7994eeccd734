import type { HostArray } from '../ir/dtype.ts'
import { formatShape, sizeOf } from '../ir/shape.ts'
import { imageShape, type VisionConfig } from '../models/vision.ts'
import { ShapeError } from '../util/errors.ts'

/** Pixels f32 [C,S,S], as an image decodes to, or one row after the other. */
export type Pixels = Float32Array | HostArray

/**
 * The numbers of an image [C,S,S].
 *
 * Throws ShapeError for pixels of another size or dtype than the visual encoder takes.
 */
export function pixelData(pixels: Pixels, config: VisionConfig): Float32Array {
  const [C, S] = imageShape(config)
  const data = pixels instanceof Float32Array ? pixels : pixels.data
  const shape = pixels instanceof Float32Array ? [pixels.length] : pixels.shape
  if (data instanceof Float32Array && sizeOf(shape) === C * S * S && (shape.length === 1 || shape.at(-1) === S)) {
    return data
  }
  const dtype = pixels instanceof Float32Array ? 'f32' : pixels.dtype
  throw new ShapeError(
    `chat: an image is ${dtype}${formatShape(shape)}, the model takes f32${formatShape([C, S, S])}`,
    {
      hint: `decode images to ${S} x ${S} pixels, channels first`,
    },
  )
}
