import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { frameImage } from '../../src/data/image-preprocess.ts'
import { clipProcessor } from '../../src/data/image-processor.ts'
import { decodeRgb } from '../../src/data/image-rgb.ts'
import { ImageError } from '../../src/util/errors.ts'

const FORMATS = ['png', 'jpeg', 'gif', 'webp'] as const
const noise = Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * i * 7919) % 251))
const encoded = async (format: (typeof FORMATS)[number]): Promise<Buffer> =>
  sharp(noise, { raw: { width: 40, height: 30, channels: 3 } })
    .toFormat(format)
    .toBuffer()
const limit = { maxPixels: 100_000 }

interface Mutation {
  readonly overwritten: readonly { readonly at: number; readonly byte: number }[]
  readonly from: number
  readonly length: number
  readonly how: string
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  overwritten: fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) }), {
    maxLength: 6,
  }),
  from: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat(12),
  how: fc.constantFrom('keep', 'cut out', 'double', 'cut off'),
})

/** The bytes with some overwritten, cut out, doubled or cut off. */
function mutated(bytes: Uint8Array, { overwritten, from, length, how }: Mutation): Buffer {
  const copy = Buffer.from(bytes)
  for (const { at, byte } of overwritten) copy[Math.floor(at * (copy.length - 1))] = byte
  const start = Math.floor(from * copy.length)
  const end = start + length
  if (how === 'cut out') return Buffer.concat([copy.subarray(0, start), copy.subarray(end)])
  if (how === 'double') return Buffer.concat([copy.subarray(0, end), copy.subarray(start)])
  return how === 'cut off' ? copy.subarray(0, start) : copy
}

/** A JPEG whose header claims another size. */
async function claiming(width: number, height: number): Promise<Buffer> {
  const copy = Buffer.from(await encoded('jpeg'))
  const frame = copy.indexOf(Buffer.from('ffc0', 'hex'))
  copy.writeUInt16BE(height, frame + 5)
  copy.writeUInt16BE(width, frame + 7)
  return copy
}

describe('decodeRgb, of what is not a whole image', () => {
  it.each(FORMATS)('takes a mutated %s for an image or throws ImageError', async (format) => {
    const whole = await encoded(format)
    await fc.assert(
      fc.asyncProperty(mutation, async (change) => {
        try {
          const image = await decodeRgb(mutated(whole, change), format, limit)
          expect(image.data).toHaveLength(image.width * image.height * 3)
          expect(frameImage(image, clipProcessor(8)).data).toHaveLength(8 * 8 * 3)
        } catch (cause) {
          expect(cause).toBeInstanceOf(ImageError)
        }
      }),
      { numRuns: Number(process.env['WEFT_FUZZ_RUNS'] ?? 100) },
    )
  })

  it.each(FORMATS)('throws ImageError with a hint for half a %s, and for none', async (format) => {
    const whole = await encoded(format)
    for (const part of [whole.subarray(0, whole.length / 2), Buffer.alloc(0)]) {
      await expect(decodeRgb(part, 'photo.x')).rejects.toThrow(ImageError)
      await expect(decodeRgb(part, 'photo.x')).rejects.toThrow(/photo\.x[\s\S]*hint: /)
    }
  })

  it('refuses by the header what would unpack to gigabytes', async () => {
    const before = process.memoryUsage().rss
    const bomb = decodeRgb(await claiming(50_000, 50_001), 'bomb')
    await expect(bomb).rejects.toThrow('50000 x 50001 pixels, more than 50000000')
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6)
  })
})
