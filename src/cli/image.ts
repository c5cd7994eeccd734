import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import sharp from 'sharp'
import { type ImageHeader, MAX_BYTES, readHeader } from '../data/image-decode.ts'
import { readImageFile } from '../data/image-file.ts'
import { frameImage, pixelValues, resizedSize } from '../data/image-preprocess.ts'
import { clipProcessor, type ImageProcessor, imageProcessorConfig } from '../data/image-processor.ts'
import { decodeRgb, type RgbImage, type RgbOptions } from '../data/image-rgb.ts'
import { FileError, ValueError } from '../util/errors.ts'
import type { Io } from './io.ts'
import { oneOf, wholeNumber } from './options.ts'
import { errorText } from './report-error.ts'

interface ImageFlags {
  readonly config?: string
  readonly size?: number
  readonly alpha: NonNullable<RgbOptions['alpha']>
  readonly out?: string
}

const DETAILS = `
The steps are those of Hugging Face's CLIPImageProcessor, to the bit: bicubic resizing of the shortest edge, a square
from the centre, rescaling, normalisation. Without --config they are CLIP's, at 224 pixels.

  weft image photo.jpg --out seen.png
  weft image *.png --config clip-vit-large-patch14/preprocessor_config.json`

/** Adds `weft image` to the program. */
export function registerImage(program: Command, io: Io): void {
  program
    .command('image')
    .summary('show what a vision model sees of an image')
    .description('Preprocesses images for CLIP and tells what became of them.')
    .argument('<file...>', 'PNG, JPEG, WebP, GIF or SVG')
    .option('-c, --config <file>', 'the steps, as a preprocessor_config.json')
    .option('-s, --size <n>', "pixels on a side, with CLIP's steps (default: 224)", wholeNumber('--size', 1, 2048))
    .option('--alpha <how>', 'drop: as PIL does; white: on white', oneOf('--alpha', ['drop', 'white']), 'drop')
    .option('-o, --out <file>', 'save the picture that the model sees of one image, as PNG')
    .addHelpText('after', DETAILS)
    .action((files: readonly string[], flags: ImageFlags) => showImages(files, flags, io))
}

/** @throws ValueError, once all files are done, if one could not be read. */
async function showImages(files: readonly string[], flags: ImageFlags, io: Io): Promise<void> {
  if (flags.out !== undefined && files.length > 1) throw new ValueError('image: --out takes one image')
  const processor = chosenProcessor(flags)
  let failed = 0
  for (const file of files) {
    try {
      const bytes = readImageFile(file, MAX_BYTES)
      const image = await decodeRgb(bytes, file, flags)
      const seen = frameImage(image, processor)
      const lines = [origin(await readHeader(bytes, file), image, flags), steps(image, seen, processor)]
      io.out.write(`${file}\n${[...lines, ...statistics(seen, processor)].map((line) => `  ${line}\n`).join('')}`)
      if (flags.out !== undefined) await savePng(flags.out, seen)
    } catch (cause) {
      if (files.length === 1) throw cause
      // One bad file says nothing about the others.
      io.err.write(`${errorText(cause)}\n`)
      failed++
    }
  }
  if (failed > 0) throw new ValueError(`image: ${failed} of ${files.length} files could not be read`)
}

function chosenProcessor({ config, size }: ImageFlags): ImageProcessor {
  if (config === undefined) return clipProcessor(size)
  if (size !== undefined) throw new ValueError('image: --config has a size of its own, so leave out --size')
  let json: unknown
  try {
    json = JSON.parse(readFileSync(config, 'utf8'))
  } catch (cause) {
    throw new FileError(`cannot read ${config}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      hint: 'a preprocessor_config.json is wanted',
    })
  }
  return imageProcessorConfig(json)
}

function origin({ format, width, height, orientation, hasAlpha }: ImageHeader, image: RgbImage, flags: ImageFlags) {
  const onWhite = format === 'svg' || flags.alpha === 'white'
  return [
    `${format}, ${width} x ${height}`,
    orientation === 1 ? '' : `, turned to ${image.width} x ${image.height} (EXIF orientation ${orientation})`,
    hasAlpha ? (onWhite ? ', laid on white' : ', alpha dropped') : '',
  ].join('')
}

function steps(image: RgbImage, seen: RgbImage, { resize, crop }: ImageProcessor): string {
  const size = resizedSize(image, resize)
  return [
    resize ? `resized to ${size.width} x ${size.height}` : 'not resized',
    crop ? `, cropped to ${seen.width} x ${seen.height}` : ', not cropped',
  ].join('')
}

/** Of each channel, after normalisation. */
function statistics(seen: RgbImage, processor: ImageProcessor): string[] {
  const { data } = pixelValues(seen, processor)
  const area = data.length / 3
  return ['red', 'green', 'blue'].map((name, channel) => {
    const values = data.subarray(channel * area, (channel + 1) * area)
    const mean = values.reduce((sum, x) => sum + x, 0) / area
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / area)
    return `${name.padEnd(6)} mean ${mean.toFixed(3).padStart(7)}, standard deviation ${deviation.toFixed(3)}`
  })
}

async function savePng(path: string, { width, height, data }: RgbImage): Promise<void> {
  try {
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(path)
  } catch (cause) {
    throw new FileError(`cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
