import { UnsupportedError, ValueError } from '../util/errors.ts'
import { isObject } from '../util/json.ts'

export interface ImageSize {
  readonly height: number
  readonly width: number
}

/** What becomes of an image before the model sees it, in this order; null leaves a step out. */
export interface ImageProcessor {
  /** Bicubic, either to this size, or so that the shortest edge has it and the aspect ratio stays. */
  readonly resize: ImageSize | { readonly shortestEdge: number } | null
  /** Cut out of the centre; black where the image is smaller. */
  readonly crop: ImageSize | null
  /** What bytes are multiplied by. */
  readonly rescale: number | null
  /** Per channel: (x - mean) / std. */
  readonly normalise: { readonly mean: readonly number[]; readonly std: readonly number[] } | null
}

const MEAN = [0.48145466, 0.4578275, 0.40821073]
const STD = [0.26862954, 0.26130258, 0.27577711]

/** A square of `size` pixels: 224 for clip-vit-large-patch14, 448 for Qwen-VL's encoder as VisualChat uses it. */
export const clipProcessor = (size = 224): ImageProcessor => ({
  resize: { shortestEdge: size },
  crop: { height: size, width: size },
  rescale: 1 / 255,
  normalise: { mean: MEAN, std: STD },
})

const BICUBIC = 3
/** Classes whose defaults are CLIP's. The "Fast" one resizes in other arithmetic: its pixels may be a level apart. */
const CLASSES = ['CLIPImageProcessor', 'CLIPImageProcessorFast', 'CLIPFeatureExtractor']
const STEPS = ['do_resize', 'do_center_crop', 'do_rescale', 'do_normalize', 'do_convert_rgb']

/**
 * The image processor that a parsed preprocessor_config.json describes. Fields that are absent take the defaults of
 * Hugging Face's CLIPImageProcessor; a `size` that is a number is the shortest edge, as there.
 *
 * Throws ValueError for a field that makes no sense, UnsupportedError for another class of processor, resampling other
 * than bicubic, a further step, or images that are not made RGB.
 */
export function imageProcessorConfig(json: unknown): ImageProcessor {
  if (!isObject(json)) throw new ValueError('image processor config: not an object')
  checkClass(json['image_processor_type'] ?? json['feature_extractor_type'])
  const step = (name: string): boolean => {
    const on = json[name] ?? true
    return typeof on === 'boolean' ? on : fail(name, on, 'true or false')
  }
  const further = Object.keys(json).find((key) => key.startsWith('do_') && !STEPS.includes(key) && json[key] === true)
  if (further !== undefined) {
    throw new UnsupportedError(`image processor config: ${further}`, { hint: `steps are ${STEPS.join(', ')}` })
  }
  if (!step('do_convert_rgb')) {
    throw new UnsupportedError('image processor config: do_convert_rgb false', {
      hint: 'every image becomes RGB here; for a model that takes RGB set it to true',
    })
  }
  const clip = clipProcessor()
  return {
    resize: step('do_resize') ? resizeOf(json) : null,
    crop: step('do_center_crop') ? cropOf(json['crop_size']) : null,
    rescale: step('do_rescale') ? positive('rescale_factor', json['rescale_factor'] ?? clip.rescale) : null,
    normalise: step('do_normalize')
      ? {
          mean: channels('image_mean', json['image_mean'] ?? MEAN, finite),
          std: channels('image_std', json['image_std'] ?? STD, positive),
        }
      : null,
  }
}

function checkClass(name: unknown): void {
  if (name === undefined || name === null || CLASSES.some((known) => known === name)) return
  throw new UnsupportedError(`image processor config: a ${JSON.stringify(name)}, whose defaults are not CLIP's`, {
    hint: 'if it does no more than resize, crop, rescale and normalise, give all fields and leave out its type',
  })
}

function resizeOf(json: Readonly<Record<string, unknown>>): ImageProcessor['resize'] {
  const resample = json['resample'] ?? BICUBIC
  if (resample !== BICUBIC) {
    throw new UnsupportedError(`image processor config: resample ${JSON.stringify(resample)}`, {
      hint: `only ${BICUBIC}, bicubic`,
    })
  }
  const size = json['size'] ?? 224
  if (!isObject(size)) return { shortestEdge: whole('size', size) }
  if ('shortest_edge' in size && !('longest_edge' in size)) {
    return { shortestEdge: whole('size.shortest_edge', size['shortest_edge']) }
  }
  return heightAndWidth('size', size, '{shortest_edge}, {height, width} or a number')
}

function cropOf(json: unknown): ImageSize {
  if (isObject(json)) return heightAndWidth('crop_size', json, '{height, width} or a number')
  const edge = whole('crop_size', json ?? 224)
  return { height: edge, width: edge }
}

function heightAndWidth(name: string, json: Readonly<Record<string, unknown>>, wanted: string): ImageSize {
  if (Object.keys(json).sort().join() !== 'height,width') fail(name, json, wanted)
  return { height: whole(`${name}.height`, json['height']), width: whole(`${name}.width`, json['width']) }
}

const fail = (name: string, value: unknown, wanted: string): never => {
  throw new ValueError(`image processor config: ${name} is ${JSON.stringify(value) ?? 'missing'}, not ${wanted}`)
}

type Check = (name: string, value: unknown) => number

const finite: Check = (name, value) =>
  typeof value === 'number' && Number.isFinite(value) ? value : fail(name, value, 'a number')
const positive: Check = (name, value) => (finite(name, value) > 0 ? finite(name, value) : fail(name, value, 'above 0'))
const whole: Check = (name, value) =>
  Number.isSafeInteger(positive(name, value)) ? positive(name, value) : fail(name, value, 'a whole number')

/** One number for each channel, or one for all. */
function channels(name: string, value: unknown, check: Check): readonly number[] {
  if (!Array.isArray(value)) return Array<number>(3).fill(check(name, value))
  if (value.length !== 3) fail(name, value, 'one number or three')
  return value.map((each) => check(name, each))
}
