import { describe, expect, it } from 'vitest'
import { clipProcessor, imageProcessorConfig } from '../../src/data/image-processor.ts'
import { UnsupportedError, ValueError } from '../../src/util/errors.ts'

describe('imageProcessorConfig', () => {
  it('takes the defaults of CLIP where nothing is said', () => {
    expect(imageProcessorConfig({})).toEqual(clipProcessor())
  })

  it('reads the configuration of clip-vit-large-patch14', () => {
    const json = {
      crop_size: { height: 224, width: 224 },
      do_center_crop: true,
      do_convert_rgb: true,
      do_normalize: true,
      do_rescale: true,
      do_resize: true,
      image_mean: [0.48145466, 0.4578275, 0.40821073],
      image_processor_type: 'CLIPImageProcessor',
      image_std: [0.26862954, 0.26130258, 0.27577711],
      resample: 3,
      rescale_factor: 0.00392156862745098,
      size: { shortest_edge: 224 },
    }
    expect(imageProcessorConfig(json)).toEqual(clipProcessor())
  })

  it('reads the older form, a size that is a number, as VisualChat has for the encoder of Qwen-VL', () => {
    const json = { feature_extractor_type: 'CLIPFeatureExtractor', size: 448, crop_size: 448 }
    expect(imageProcessorConfig(json)).toEqual(clipProcessor(448))
  })

  it('leaves steps out, and spreads one mean over the channels', () => {
    const off = { do_resize: false, do_center_crop: false, do_rescale: false, resample: 0 }
    expect(imageProcessorConfig({ ...off, image_mean: 0.5, image_std: 0.25 })).toEqual({
      resize: null,
      crop: null,
      rescale: null,
      normalise: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    })
    expect(imageProcessorConfig({ do_normalize: false }).normalise).toBeNull()
    expect(imageProcessorConfig({ size: { height: 3, width: 4 } }).resize).toEqual({ height: 3, width: 4 })
  })

  it.each([
    [{ resample: 2 }, 'resample 2'],
    [{ image_processor_type: 'ViTImageProcessor' }, "whose defaults are not CLIP's"],
    [{ do_convert_rgb: false }, 'do_convert_rgb false'],
    [{ do_pad: true }, 'do_pad'],
  ])('refuses what it does not do: %j', (json, message) => {
    expect(() => imageProcessorConfig(json)).toThrow(UnsupportedError)
    expect(() => imageProcessorConfig(json)).toThrow(message)
  })

  it.each([
    [null, 'not an object'],
    [[], 'not an object'],
    [{ size: 0 }, 'size is 0, not above 0'],
    [{ size: 1.5 }, 'size is 1.5, not a whole number'],
    [{ size: {} }, 'size is {}, not {shortest_edge}, {height, width} or a number'],
    [{ size: { shortest_edge: 224, longest_edge: 300 } }, 'size is {"shortest_edge":224,"longest_edge":300}'],
    [{ size: { height: 3 } }, 'size is {"height":3}'],
    [{ crop_size: { shortest_edge: 3 } }, 'crop_size is {"shortest_edge":3}, not {height, width} or a number'],
    [{ crop_size: [3, 4] }, 'crop_size is [3,4], not a number'],
    [{ do_resize: 'yes' }, 'do_resize is "yes", not true or false'],
    [{ rescale_factor: -1 }, 'rescale_factor is -1, not above 0'],
    [{ image_mean: [1, 2] }, 'image_mean is [1,2], not one number or three'],
    [{ image_mean: ['a', 1, 1] }, 'image_mean is "a", not a number'],
    [{ image_std: [1, 0, 1] }, 'image_std is 0, not above 0'],
  ])('says what is wrong with %j', (json, message) => {
    expect(() => imageProcessorConfig(json)).toThrow(ValueError)
    expect(() => imageProcessorConfig(json)).toThrow(message)
  })
})
