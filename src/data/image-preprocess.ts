import type { HostArray } from '../ir/dtype.ts'
import { ImageError } from '../util/errors.ts'
import { type ImageLimits, MAX_BYTES } from './image-decode.ts'
import { readImageFile } from './image-file.ts'
import { clipProcessor, type ImageProcessor, type ImageSize } from './image-processor.ts'
import { resizeBicubic, type Window } from './image-resample.ts'
import { decodeRgb, type RgbImage, type RgbOptions } from './image-rgb.ts'

/** Where nothing is cropped, a very long image stays one: 64 MiB of pixels are more than any model takes. */
const MAX_FRAME = 2 ** 24 / 3

/**
 * f32 [3,H,W], red plane first, H and W as the processor makes them: what Hugging Face's CLIPImageProcessor calls
 * `pixel_values`, of an image file as `decodeRgb` reads it. Given the same RGB pixels, all bytes and floats are the same.
 * Photos are turned as their EXIF orientation says, as its `load_image` does; Image.open alone does not.
 * @throws ImageError when the file is missing, not an image, corrupt or cut short, or too large.
 */
export async function preprocessImage(
  path: string,
  processor: ImageProcessor = clipProcessor(),
  options: ImageLimits & RgbOptions = {},
): Promise<HostArray<'f32'>> {
  const bytes = readImageFile(path, options.maxBytes ?? MAX_BYTES)
  return pixelValues(frameImage(await decodeRgb(bytes, path, options), processor), processor)
}

/**
 * [height, width, 3] bytes: the image resized and cropped, which is what the model sees.
 * @throws ImageError where an image that is not cropped would become absurdly large.
 */
export function frameImage(image: RgbImage, { resize, crop }: ImageProcessor): RgbImage {
  const size = resizedSize(image, resize)
  const frame = crop ?? size
  if (frame.height * frame.width > MAX_FRAME) {
    throw new ImageError(`an image of ${image.width} x ${image.height} becomes ${frame.width} x ${frame.height}`, {
      hint: 'crop it, or resize to a fixed height and width',
    })
  }
  const vertical = centred(size.height, frame.height)
  const horizontal = centred(size.width, frame.width)
  const window = {
    top: vertical.from,
    height: vertical.length,
    left: horizontal.from,
    width: horizontal.length,
  }
  const part = sameSize(image, size) ? cut(image, window) : resizeBicubic(image, size, window)
  return pad(part, frame, vertical.before, horizontal.before)
}

/**
 * f32 [3,H,W] of bytes [H,W,3]: rescaled and normalised, each step rounded to f32 as numpy does.
 */
export function pixelValues(image: RgbImage, { rescale, normalise }: ImageProcessor): HostArray<'f32'> {
  const { width, height, data } = image
  const area = width * height
  const out = new Float32Array(3 * area)
  for (let channel = 0; channel < 3; channel++) {
    const values = Float32Array.from({ length: 256 }, (_, byte) => {
      const scaled = Math.fround(byte * (rescale ?? 1))
      if (normalise === null) return scaled
      return Math.fround(scaled - Math.fround(normalise.mean[channel]!)) / Math.fround(normalise.std[channel]!)
    })
    for (let i = 0; i < area; i++) out[channel * area + i] = values[data[i * 3 + channel]!]!
  }
  return { dtype: 'f32', shape: [3, height, width], data: out }
}

/** The size that an image is resized to. The longer edge is rounded down, as Hugging Face and torchvision do. */
export function resizedSize({ width, height }: RgbImage, resize: ImageProcessor['resize']): ImageSize {
  if (resize === null) return { height, width }
  if ('height' in resize) return resize
  const edge = resize.shortestEdge
  const longer = Math.trunc((edge * Math.max(width, height)) / Math.min(width, height))
  return width <= height ? { height: longer, width: edge } : { height: edge, width: longer }
}

/** Of `size` pixels those in a centred frame of `wanted`, and how many of the frame lie before them. */
function centred(size: number, wanted: number): { from: number; length: number; before: number } {
  const from = Math.floor((size - wanted) / 2)
  return { from: Math.max(from, 0), length: Math.min(size, wanted), before: Math.max(-from, 0) }
}

const sameSize = (a: ImageSize, b: ImageSize): boolean => a.height === b.height && a.width === b.width

function cut({ width, data }: RgbImage, window: Window): RgbImage {
  const rowBytes = window.width * 3
  const out = new Uint8Array(window.height * rowBytes)
  for (let y = 0; y < window.height; y++) {
    const from = ((window.top + y) * width + window.left) * 3
    out.set(data.subarray(from, from + rowBytes), y * rowBytes)
  }
  return { width: window.width, height: window.height, data: out }
}

/** The image in a black frame. */
function pad(image: RgbImage, frame: ImageSize, top: number, left: number): RgbImage {
  if (sameSize(image, frame)) return image
  const out = new Uint8Array(frame.height * frame.width * 3)
  const rowBytes = image.width * 3
  for (let y = 0; y < image.height; y++) {
    out.set(image.data.subarray(y * rowBytes, (y + 1) * rowBytes), ((top + y) * frame.width + left) * 3)
  }
  return { ...frame, data: out }
}
