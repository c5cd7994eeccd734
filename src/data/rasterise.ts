import sharp from 'sharp'
import { ImageError } from '../util/errors.ts'

/** Called after each drawing; `done` goes from 1 to `total`. */
export type Progress = (done: number, total: number) => void

/** What draws: another version may place edges a little differently. */
export const RASTERISER = `sharp ${sharp.versions.sharp}, rsvg ${sharp.versions.rsvg}`

/** Drawn at this many times the size and averaged down: thin lines survive better than when drawn small. */
const OVERSAMPLING = 4
/** sharp decodes on libuv's threads (four unless told otherwise); more tasks than that only hold memory. */
const TASKS = 4

/**
 * [3, size, size] bytes, red plane first: an SVG document drawn to fit a square, on white.
 * @param size pixels on a side.
 * @throws ImageError when the document cannot be drawn; `name` says which.
 */
export async function rasteriseSvg(svg: string, size: number, name: string): Promise<Uint8Array> {
  const large = size * OVERSAMPLING
  const sized = svg.replace('<svg ', `<svg width="${large}" height="${large}" `)
  try {
    const bytes = await sharp(Buffer.from(sized))
      .flatten({ background: '#fff' })
      .resize(size, size, { fit: 'contain', background: '#fff', kernel: 'lanczos3' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    return toPlanes(bytes.data, size, bytes.info.channels)
  } catch (cause) {
    throw new ImageError(`cannot draw ${name}: ${(cause as Error).message}`, { hint: 'is its SVG complete?' })
  }
}

/**
 * [count, 3, size, size] bytes: the documents in their order, several drawn at a time.
 * @throws ImageError as `rasteriseSvg` does.
 */
export async function rasteriseAll(
  documents: readonly { readonly svg: string; readonly name: string }[],
  size: number,
  onProgress?: Progress,
): Promise<Uint8Array> {
  const each = 3 * size * size
  const out = new Uint8Array(documents.length * each)
  let next = 0
  let done = 0
  const work = async (): Promise<void> => {
    while (next < documents.length) {
      const i = next++
      const { svg, name } = documents[i]!
      out.set(await rasteriseSvg(svg, size, name), i * each)
      onProgress?.(++done, documents.length)
    }
  }
  await Promise.all(Array.from({ length: TASKS }, work))
  return out
}

/** [size, size, channels] bytes to [3, size, size]; a grey image's one channel becomes all three. */
export function toPlanes(interleaved: Uint8Array, size: number, channels: number): Uint8Array {
  const area = size * size
  const out = new Uint8Array(3 * area)
  for (let plane = 0; plane < 3; plane++) {
    const from = channels < 3 ? 0 : plane
    for (let i = 0; i < area; i++) out[plane * area + i] = interleaved[i * channels + from]!
  }
  return out
}
