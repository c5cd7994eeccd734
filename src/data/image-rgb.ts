import { MAX_PIXELS, openPixels, type RawImage, rawPixels, readHeader } from './image-decode.ts'

/** Interleaved bytes [height, width, 3], red first. */
export interface RgbImage {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

export interface RgbOptions {
  /** `drop` (default) ignores alpha as PIL's convert("RGB") does; `white` lays the image on white. */
  readonly alpha?: 'drop' | 'white'
  /** The largest width x height accepted; default 50 million. */
  readonly maxPixels?: number
}

/**
 * The pixels of an encoded image as PIL's `ImageOps.exif_transpose(image).convert("RGB")` gives them, for PNG, JPEG,
 * WebP and GIF: greyscale thrice, palettes looked up, CMYK by PIL's formula, the first frame of an animation, ICC
 * profiles not applied. It differs from PIL in this:
 * - 16-bit greyscale is scaled to 8 bits (PIL cuts all above 255 off); 16-bit colour keeps its high byte in both;
 * - a GIF's transparent pixels are black (in PIL whatever its palette has at that index);
 * - SVG, which PIL does not read, is always drawn on white.
 * @param name what to call the image in messages.
 * @throws ImageError when the bytes are no such image, corrupt or cut short, or too large.
 */
export async function decodeRgb(bytes: Uint8Array, name: string, options: RgbOptions = {}): Promise<RgbImage> {
  const { alpha = 'drop', maxPixels = MAX_PIXELS } = options
  const header = await readHeader(bytes, name, maxPixels)
  const pixels = openPixels(bytes, maxPixels, true)
  if (header.cmyk) return fromCmyk(await rawPixels(pixels.pipelineColourspace('cmyk').toColourspace('cmyk'), name))
  if (alpha === 'white' || header.format === 'svg') pixels.flatten({ background: '#fff' })
  // As sRGB without alpha it has three channels, grey or not.
  const { width, height, data } = await rawPixels(pixels.toColourspace('srgb').removeAlpha(), name)
  return { width, height, data }
}

/** Each ink takes its share away from what black has left. */
function fromCmyk({ width, height, data }: RawImage): RgbImage {
  const out = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) {
    const light = 255 - data[i * 4 + 3]!
    for (let c = 0; c < 3; c++) out[i * 3 + c] = light - dividedBy255(data[i * 4 + c]! * light)
  }
  return { width, height, data: out }
}

/** x / 255 rounded, for x up to 255 * 255. */
function dividedBy255(x: number): number {
  const t = x + 128
  return (t + (t >> 8)) >> 8
}
