import sharp, { type Metadata, type Sharp } from 'sharp'
import { ImageError } from '../util/errors.ts'

export interface ImageLimits {
  /** The largest width x height accepted; default 50 million. Guards against small files that unpack to gigabytes. */
  readonly maxPixels?: number
  /** The largest file accepted, in bytes; default 64 MiB. */
  readonly maxBytes?: number
}

export const MAX_PIXELS = 50_000_000
export const MAX_BYTES = 64 * 2 ** 20

/** Interleaved bytes [height, width, channels]. */
export interface RawImage {
  readonly width: number
  readonly height: number
  readonly channels: number
  readonly data: Uint8Array
}

/** What the header says, width and height as stored: before the EXIF orientation turns them. */
export interface ImageHeader {
  readonly format: string
  readonly width: number
  readonly height: number
  /** EXIF orientation, 1 (upright) to 8. */
  readonly orientation: number
  readonly hasAlpha: boolean
  readonly cmyk: boolean
}

const FORMATS = ['png', 'jpeg', 'webp', 'svg', 'gif']

/**
 * Only the header is read, so an absurd size is refused before any memory is taken for it.
 * @param name what to call the image in messages.
 * @throws ImageError for what is no image, of another format than weft reads, or too large.
 */
export async function readHeader(bytes: Uint8Array, name: string, maxPixels = MAX_PIXELS): Promise<ImageHeader> {
  let meta: Metadata
  try {
    meta = await sharp(bytes, { limitInputPixels: false, pages: 1 }).metadata()
  } catch (cause) {
    throw new ImageError(`${name} is not an image: ${(cause as Error).message}`, {
      hint: `one of ${FORMATS.join(', ')}, and not cut short`,
    })
  }
  const { format, width, height } = meta
  if (!FORMATS.includes(format)) {
    throw new ImageError(`${name} is a ${format} image`, { hint: `one of ${FORMATS.join(', ')}` })
  }
  if (width * height > maxPixels) {
    throw new ImageError(`${name} has ${width} x ${height} pixels, more than ${maxPixels}`, {
      hint: 'make it smaller, or raise maxPixels',
    })
  }
  return { format, width, height, orientation: meta.orientation ?? 1, hasAlpha: meta.hasAlpha, cmyk: isCmyk(meta) }
}

const isCmyk = (meta: Metadata): boolean => meta.space === 'cmyk' && meta.channels === 4

/**
 * A pipeline on the first frame, turned as its EXIF orientation says. Call `readHeader` before.
 * @param ignoreProfile takes colours as they are stored, without applying the file's ICC profile.
 */
export const openPixels = (bytes: Uint8Array, maxPixels: number, ignoreProfile = false): Sharp =>
  sharp(bytes, {
    failOn: 'truncated',
    limitInputPixels: maxPixels,
    pages: 1,
    ignoreIcc: ignoreProfile,
  }).autoOrient()

/**
 * Runs a pipeline and gives its pixels.
 * @throws ImageError when the image turns out to be corrupt or cut short.
 */
export async function rawPixels(pipeline: Sharp, name: string): Promise<RawImage> {
  try {
    const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true })
    return { width: info.width, height: info.height, channels: info.channels, data }
  } catch (cause) {
    throw new ImageError(`cannot decode ${name}: ${(cause as Error).message}`, {
      hint: 'the file is corrupt or cut short; try to open and save it anew',
    })
  }
}
