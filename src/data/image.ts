import { readFileSync, statSync } from 'node:fs'
import sharp, { type Metadata } from 'sharp'
import type { HostArray } from '../ir/dtype.ts'
import { ImageError } from '../util/errors.ts'
import { toPlanes } from './rasterise.ts'

export interface ImageOptions {
  /** Pixels on a side of the result. */
  readonly size: number
  /** `contain` (default) letterboxes on white, nothing lost; `cover` cuts the sides off, as CLIP was trained. */
  readonly fit?: 'contain' | 'cover'
  /** Per channel, of values from 0 to 1; default 0.5 and 0.5, as the emoji are normalised. */
  readonly normalise?: { readonly mean: readonly number[]; readonly std: readonly number[] }
  /** The largest width x height accepted; default 50 million. Guards against small files that unpack to gigabytes. */
  readonly maxPixels?: number
  /** The largest file accepted, in bytes; default 64 MiB. */
  readonly maxBytes?: number
}

const FORMATS = ['png', 'jpeg', 'webp', 'svg', 'gif']
const HALF = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }

/**
 * f32 [3, size, size], red plane first: a PNG, JPEG, WebP, SVG or GIF (its first frame) file, turned as its EXIF
 * orientation says, on white where transparent, resized and normalised.
 * @throws ImageError when the file is missing, not such an image, corrupt or cut short, or too large.
 */
export async function readImage(path: string, options: ImageOptions): Promise<HostArray<'f32'>> {
  const { maxBytes = 64 * 2 ** 20 } = options
  let bytes: Uint8Array
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new ImageError(`${path} is not a file`, { hint: 'give the path of one image' })
    if (stat.size > maxBytes) {
      throw new ImageError(`${path} has ${stat.size} bytes, more than ${maxBytes}`, { hint: 'make the image smaller' })
    }
    bytes = readFileSync(path)
  } catch (cause) {
    if (cause instanceof ImageError) throw cause
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new ImageError(missing ? `there is no image ${path}` : `cannot read ${path}: ${(cause as Error).message}`, {
      hint: 'check the path and its permissions',
    })
  }
  return decodeImage(bytes, path, options)
}

/**
 * f32 [3, size, size]: as `readImage`, from an encoded image in memory.
 * @param name what to call the image in messages.
 * @throws ImageError as `readImage` does.
 */
export async function decodeImage(bytes: Uint8Array, name: string, options: ImageOptions): Promise<HostArray<'f32'>> {
  const { size, fit = 'contain', normalise = HALF, maxPixels = 50_000_000 } = options
  if (!Number.isInteger(size) || size < 1) throw new ImageError(`an image size of ${size}`, { hint: 'at least 1' })
  await checkHeader(bytes, name, maxPixels)
  try {
    const { data, info } = await sharp(bytes, { failOn: 'truncated', limitInputPixels: maxPixels, pages: 1 })
      .autoOrient()
      .flatten({ background: '#fff' })
      .resize(size, size, { fit, background: '#fff' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    return { dtype: 'f32', shape: [3, size, size], data: normalised(toPlanes(data, size, info.channels), normalise) }
  } catch (cause) {
    throw new ImageError(`cannot decode ${name}: ${(cause as Error).message}`, {
      hint: 'the file is corrupt or cut short; try to open and save it anew',
    })
  }
}

/** Only the header is read here, so an absurd size is refused before any memory is taken for it. */
async function checkHeader(bytes: Uint8Array, name: string, maxPixels: number): Promise<void> {
  let meta: Metadata
  try {
    meta = await sharp(bytes, { limitInputPixels: false, pages: 1 }).metadata()
  } catch (cause) {
    throw new ImageError(`${name} is not an image: ${(cause as Error).message}`, {
      hint: `one of ${FORMATS.join(', ')}, and not cut short`,
    })
  }
  if (!FORMATS.includes(meta.format)) {
    throw new ImageError(`${name} is a ${meta.format} image`, { hint: `one of ${FORMATS.join(', ')}` })
  }
  const { width, height } = meta
  if (width * height > maxPixels) {
    throw new ImageError(`${name} has ${width} x ${height} pixels, more than ${maxPixels}`, {
      hint: 'make it smaller, or raise maxPixels',
    })
  }
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
