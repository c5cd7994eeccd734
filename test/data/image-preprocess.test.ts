import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { frameImage, pixelValues, preprocessImage } from '../../src/data/image-preprocess.ts'
import { clipProcessor, imageProcessorConfig } from '../../src/data/image-processor.ts'
import { decodeRgb } from '../../src/data/image-rgb.ts'
import { readSafetensors } from '../../src/data/safetensors.ts'
import { ImageError } from '../../src/util/errors.ts'

const FOLDER = new URL('../fixtures/images/', import.meta.url).pathname
const { tensors, metadata } = await readSafetensors(`${FOLDER}expected.safetensors`)
const cases = JSON.parse(metadata['cases']!) as { name: string; file: string; config: unknown }[]

describe('preprocessImage', () => {
  it.each(cases)('gives what PIL and numpy give: $name', async ({ name, file, config }) => {
    const processor = imageProcessorConfig(config)
    const framed = frameImage(await decodeRgb(readFileSync(FOLDER + file), file), processor)
    const bytes = tensors.get(`${name}.bytes`)!
    expect([framed.height, framed.width, 3]).toEqual(bytes.shape)
    expect(framed.data).toEqual(Uint8Array.from(bytes.data))

    const values = await preprocessImage(FOLDER + file, processor)
    const expected = tensors.get(`${name}.pixel_values`)
    expect(values.shape).toEqual([3, framed.height, framed.width])
    if (expected) expect(values.data).toEqual(expected.data)
  })

  it('takes CLIP at 224 pixels where nothing is said', async () => {
    const { dtype, shape } = await preprocessImage(`${FOLDER}wide.png`)
    expect([dtype, shape]).toEqual(['f32', [3, 224, 224]])
  })

  it('names a file that is missing or too large', async () => {
    await expect(preprocessImage(`${FOLDER}nowhere.png`)).rejects.toThrow('there is no image')
    const limited = preprocessImage(`${FOLDER}wide.png`, clipProcessor(), { maxBytes: 10 })
    await expect(limited).rejects.toThrow('bytes, more than 10')
  })
})

describe('frameImage', () => {
  const black = (width: number, height: number) => ({ width, height, data: new Uint8Array(width * height * 3) })

  it('takes no more than it needs for a very long image', () => {
    expect(frameImage(black(1, 100_000), clipProcessor())).toEqual(black(224, 224))
    expect(() => frameImage(black(1, 100_000), { ...clipProcessor(), crop: null })).toThrow(ImageError)
  })

  it('keeps one colour one colour, whatever the sizes', () => {
    const length = fc.integer({ min: 1, max: 60 })
    fc.assert(
      fc.property(length, length, length, length, fc.nat(255), (width, height, wide, high, grey) => {
        const image = { width, height, data: black(width, height).data.fill(grey) }
        const { data } = frameImage(image, { ...clipProcessor(), resize: { height: high, width: wide }, crop: null })
        expect(data).toEqual(new Uint8Array(wide * high * 3).fill(grey))
      }),
    )
  })
})

describe('decodeRgb', () => {
  it('drops alpha as PIL does, or lays the image on white', async () => {
    const clear = await sharp(Buffer.from([200, 100, 50, 0]), { raw: { width: 1, height: 1, channels: 4 } })
      .png()
      .toBuffer()
    expect([...(await decodeRgb(clear, 'clear')).data]).toEqual([200, 100, 50])
    expect([...(await decodeRgb(clear, 'clear', { alpha: 'white' })).data]).toEqual([255, 255, 255])
  })

  it('makes the transparent pixels of a GIF black', async () => {
    const raw = { width: 2, height: 1, channels: 4 } as const
    const gif = await sharp(Buffer.from([255, 255, 255, 255, 200, 100, 50, 0]), { raw })
      .gif()
      .toBuffer()
    expect([...(await decodeRgb(gif, 'gif')).data]).toEqual([255, 255, 255, 0, 0, 0])
  })

  it('draws SVG on white', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"><rect width="1" height="1"/></svg>'
    expect([...(await decodeRgb(Buffer.from(svg), 'svg')).data]).toEqual([0, 0, 0, 255, 255, 255])
  })

  it.each(['grey16', 'rgb16'] as const)('scales 16 bits to 8: %s', async (space) => {
    const values = new Uint16Array([0, 0, 0, 255, 255, 255, 256, 256, 256, 65535, 65535, 65535])
    const png = await sharp(values, { raw: { width: 4, height: 1, channels: 3 } })
      .toColourspace(space)
      .png()
      .toBuffer()
    expect((await sharp(png).metadata()).depth).toBe('ushort')
    expect([...(await decodeRgb(png, space)).data]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 255, 255, 255])
  })

  it('takes colours as they are stored, whatever the profile says', async () => {
    const pixels = Buffer.from([200, 100, 50])
    const p3 = await sharp(pixels, { raw: { width: 1, height: 1, channels: 3 } })
      .withIccProfile('p3')
      .png()
      .toBuffer()
    const plain = await sharp(p3, { ignoreIcc: true }).raw().toBuffer()
    expect(plain).not.toEqual(pixels)
    expect([...(await decodeRgb(p3, 'p3')).data]).toEqual([...plain])
  })
})

describe('pixelValues', () => {
  it('puts the red plane first', () => {
    const image = { width: 2, height: 1, data: Uint8Array.of(255, 0, 51, 0, 255, 51) }
    const { shape, data } = pixelValues(image, { ...clipProcessor(), normalise: null })
    expect(shape).toEqual([3, 1, 2])
    expect([...data]).toEqual([1, 0, 0, 1, Math.fround(0.2), Math.fround(0.2)])
  })
})
