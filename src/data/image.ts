import type { HostArray } from '../ir/dtype.ts'
import { ImageError } from '../util/errors.ts'
import { type ImageLimits, MAX_BYTES, MAX_PIXELS, openPixels, rawPixels, readHeader } from './image-decode.ts'
import { readImageFile } from './image-file.ts'
import { toPlanes } from './rasterise.ts'

export interface ImageOptions extends ImageLimits {
  /** Pixels on a side of the result. */
  readonly size: number
  /** `contain` (default) letterboxes on white, nothing lost; `cover` cuts the sides off. */
  readonly fit?: 'contain' | 'cover'
  /** Per channel, of values from 0 to 1; default 0.5 and 0.5, as the emoji are normalised. */
  readonly normalise?: { readonly mean: readonly number[]; readonly std: readonly number[] }
}

const HALF = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }

/**
 * f32 [3, size, size], red plane first: a PNG, JPEG, WebP, SVG or GIF (its first frame) file, turned as its EXIF
 * orientation says, on white where transparent, resized and normalised. For models trained on weft's own drawings; for
 * those that expect Hugging Face's CLIPImageProcessor see `preprocessImage`.
 * @throws ImageError when the file is missing, not such an image, corrupt or cut short, or too large.
 */
export async function readImage(path: string, options: ImageOptions): Promise<HostArray<'f32'>> {
  return decodeImage(readImageFile(path, options.maxBytes ?? MAX_BYTES), path, options)
}

/**
 * f32 [3, size, size]: as `readImage`, from an encoded image in memory.
 * @param name what to call the image in messages.
 * @throws ImageError as `readImage` does.
 */
export async function decodeImage(bytes: Uint8Array, name: string, options: ImageOptions): Promise<HostArray<'f32'>> {
  const { size, fit = 'contain', normalise = HALF, maxPixels = MAX_PIXELS } = options
  if (!Number.isInteger(size) || size < 1) throw new ImageError(`an image size of ${size}`, { hint: 'at least 1' })
  await readHeader(bytes, name, maxPixels)
  const pipeline = openPixels(bytes, maxPixels)
    .flatten({ background: '#fff' })
    .resize(size, size, { fit, background: '#fff' })
    .toColourspace('srgb')
    .removeAlpha()
  const { data, channels } = await rawPixels(pipeline, name)
  return { dtype: 'f32', shape: [3, size, size], data: normalised(toPlanes(data, size, channels), normalise) }
}

function normalised(
  planes: Uint8Array,
  { mean, std }: { mean: readonly number[]; std: readonly number[] },
): Float32Array {
  const area = planes.length / 3
  return Float32Array.from(planes, (byte, i) => {
    const channel = Math.floor(i / area)
    return (byte / 255 - mean[channel]!) / std[channel]!
  })
}
