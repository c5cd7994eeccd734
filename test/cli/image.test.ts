import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { frameImage } from '../../src/data/image-preprocess.ts'
import { clipProcessor } from '../../src/data/image-processor.ts'
import { decodeRgb } from '../../src/data/image-rgb.ts'
import { run } from './run.ts'

const image = (name: string) => new URL(`../fixtures/images/${name}`, import.meta.url).pathname

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-image-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('weft image', () => {
  it('tells what becomes of an image', async () => {
    const { code, out, err } = await run('image', image('turned.jpg'), '--size', '24')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const statistics = ['red', 'green', 'blue'].map((name) => `  ${name} +mean +-?\\d\\.\\d{3}, .* \\d\\.\\d{3}\n`)
    expect(out).toMatch(
      new RegExp(
        'turned.jpg\n  jpeg, 67 x 41, turned to 41 x 67 \\(EXIF orientation 6\\)\n' +
          `  resized to 24 x 39, cropped to 24 x 24\n${statistics.join('')}$`,
      ),
    )
  })

  it('saves what the model sees', async () => {
    const saved = join(folder, 'seen.png')
    const { out } = await run('image', image('rgba.png'), '--out', saved, '--alpha', 'white')
    expect(out).toContain('laid on white')
    const expected = await decodeRgb(await sharp(image('rgba.png')).png().toBuffer(), 'rgba', { alpha: 'white' })
    const pixels = await sharp(saved).raw().toBuffer()
    expect(pixels.equals(frameImage(expected, clipProcessor()).data)).toBe(true)
  })

  it('follows a preprocessor_config.json', async () => {
    const config = join(folder, 'preprocessor_config.json')
    await writeFile(config, JSON.stringify({ size: { height: 8, width: 9 }, do_center_crop: false }))
    const { out } = await run('image', image('wide.png'), '--config', config)
    expect(out).toContain('resized to 9 x 8, not cropped')
    expect((await run('image', image('wide.png'), '--config', config, '--size', '8')).err).toContain('leave out --size')
    expect((await run('image', image('wide.png'), '--config', folder)).err).toContain('cannot read')
  })

  it('goes on after a file that is no image', async () => {
    const bad = join(folder, 'bad.png')
    await writeFile(bad, 'hello')
    const { code, out, err } = await run('image', bad, image('wide.png'))
    expect(code).toBe(1)
    expect(err).toMatch(/bad\.png is not an image[\s\S]*image: 1 of 2 files could not be read\n$/)
    expect(out).toContain('png, 75 x 50\n')
    expect((await run('image', bad)).err).toMatch(/bad\.png is not an image/)
    expect((await run('image', bad, bad, '--out', 'x')).err).toBe('error: image: --out takes one image\n')
    expect((await run('image', image('wide.png'), '--out', join(folder, 'no', 'x.png'))).err).toContain('cannot write')
  })
})
