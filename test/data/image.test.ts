import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import { decodeImage, readImage } from '../../src/data/image.ts'
import { ImageError } from '../../src/util/errors.ts'

const dir = mkdtempSync(join(tmpdir(), 'weft-image-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** Left half red, right half blue. */
const twoHalves = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#00f' } }).composite([
    { input: { create: { width: width / 2, height, channels: 3, background: '#f00' } }, left: 0, top: 0 },
  ])
const pixel = (data: Float32Array, size: number, y: number, x: number): number[] =>
  [0, 1, 2].map((plane) => Math.round(data[(plane * size + y) * size + x]! * 10) / 10)

describe('decodeImage', () => {
  it.each(['png', 'jpeg', 'webp', 'gif'] as const)('reads %s', async (format) => {
    const bytes = await twoHalves(64, 64).toFormat(format).toBuffer()
    const { shape, data, dtype } = await decodeImage(bytes, format, { size: 16 })
    expect([dtype, shape]).toEqual(['f32', [3, 16, 16]])
    expect(pixel(data, 16, 8, 3)).toEqual([1, -1, -1])
    expect(pixel(data, 16, 8, 12)).toEqual([-1, -1, 1])
  })

  it('reads SVG, transparent ground as white', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="4" height="8"/></svg>'
    const { data } = await decodeImage(Buffer.from(svg), 'svg', { size: 8 })
    expect(pixel(data, 8, 4, 1)).toEqual([-1, -1, -1])
    expect(pixel(data, 8, 4, 6)).toEqual([1, 1, 1])
  })

  it('takes the first frame of an animation', async () => {
    const frames = ['#f00', '#0f0'].map((background) => ({
      create: { width: 8, height: 8, channels: 3 as const, background },
    }))
    const inputs = await Promise.all(frames.map((f) => sharp(f).png().toBuffer()))
    const bytes = await sharp(inputs, { join: { animated: true } })
      .gif()
      .toBuffer()
    expect((await sharp(bytes).metadata()).pages).toBe(2)
    const { data } = await decodeImage(bytes, 'gif', { size: 8 })
    expect(pixel(data, 8, 4, 4)).toEqual([1, -1, -1])
  })

  it('letterboxes on white, or cuts off the sides', async () => {
    const wide = await twoHalves(64, 16).png().toBuffer()
    const contain = (await decodeImage(wide, 'wide', { size: 16 })).data
    expect(pixel(contain, 16, 0, 2)).toEqual([1, 1, 1])
    expect(pixel(contain, 16, 8, 2)).toEqual([1, -1, -1])
    const cover = (await decodeImage(wide, 'wide', { size: 16, fit: 'cover' })).data
    expect(pixel(cover, 16, 0, 2)).toEqual([1, -1, -1])
  })

  it('turns a photo as its EXIF orientation says', async () => {
    const turned = await twoHalves(32, 32).jpeg().withMetadata({ orientation: 6 }).toBuffer()
    const { data } = await decodeImage(turned, 'turned', { size: 16 })
    expect(pixel(data, 16, 3, 8)).toEqual([1, -1, -1])
    expect(pixel(data, 16, 12, 8)).toEqual([-1, -1, 1])
  })

  it('reads grey images into three equal planes, and normalises as asked', async () => {
    const grey = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } })
      .toColourspace('b-w')
      .png()
      .toBuffer()
    const { data } = await decodeImage(grey, 'grey', {
      size: 8,
      normalise: { mean: [0, 0, 128 / 255], std: [1, 0.5, 1] },
    })
    expect([data[0], data[64], data[128]]).toEqual([128 / 255, 256 / 255, 0].map(Math.fround))
  })
})

describe('readImage', () => {
  const reject = async (path: string, message: string, options = {}) => {
    const reading = readImage(path, { size: 16, ...options })
    await expect(reading).rejects.toThrow(ImageError)
    await expect(reading).rejects.toThrow(message)
  }
  const file = (name: string, content: Uint8Array | string): string => {
    writeFileSync(join(dir, name), content)
    return join(dir, name)
  }

  it('reads a file', async () => {
    const path = file('ok.png', await twoHalves(20, 20).png().toBuffer())
    expect((await readImage(path, { size: 16 })).shape).toEqual([3, 16, 16])
  })

  it('names a file that is missing, a folder, empty, or no image', async () => {
    await reject(join(dir, 'nowhere.png'), 'there is no image')
    mkdirSync(join(dir, 'folder.png'))
    await reject(join(dir, 'folder.png'), 'is not a file')
    await reject(file('empty.png', ''), 'empty.png is not an image')
    await reject(file('text.png', 'hello'), 'text.png is not an image')
  })

  it('refuses formats it does not promise', async () => {
    await reject(file('x.tiff', await twoHalves(8, 8).tiff().toBuffer()), 'is a tiff image')
  })

  it.each(['png', 'jpeg', 'webp'] as const)('does not take half a %s for a whole one', async (format) => {
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251))
    const whole = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .toFormat(format)
      .toBuffer()
    await reject(file(`half.${format}`, whole.subarray(0, whole.length / 2)), `half.${format}`)
  })

  it('refuses absurd sizes before decoding', async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"><rect width="9" height="9"/></svg>'
    await reject(file('huge.svg', svg), '30000 x 30000 pixels')
    const path = file('big.png', await twoHalves(100, 100).png().toBuffer())
    await reject(path, '100 x 100 pixels', { maxPixels: 9999 })
    await reject(path, 'bytes, more than', { maxBytes: 10 })
  })
})
