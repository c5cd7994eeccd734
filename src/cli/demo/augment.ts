import type { Random } from '../../data/random.ts'
import { IMAGE_SIZE } from './settings.ts'

/** How far each property of a drawing may change. */
const ANGLE = 0.15
const LOG_SCALE = 0.15
const LOG_ASPECT = 0.06
const SHIFT = 3
const OWN_COLOUR = 0.2
const OTHER_COLOUR = 0.12

/**
 * A drawing [3,S,S] turned, scaled, shifted, mirrored and recoloured a little: what it shows stays the same. There are
 * only a few thousand drawings, by four hands, and the model is to know those of a fifth.
 */
export function augment(pixels: Float32Array, random: Random): Float32Array {
  const S = IMAGE_SIZE
  const plane = S * S
  const middle = (S - 1) / 2
  const upTo = (most: number): number => most * (2 * random.next() - 1)
  const [angle, scale, aspect] = [upTo(ANGLE), Math.exp(upTo(LOG_SCALE)), Math.exp(upTo(LOG_ASPECT))]
  const mirror = random.chance() ? -1 : 1
  // From a place in the result to the place in the drawing, both relative to the middle.
  const [xx, xy] = [(mirror * Math.cos(angle)) / scale, (mirror * Math.sin(angle)) / scale]
  const [yx, yy] = [(-Math.sin(angle) * aspect) / scale, (Math.cos(angle) * aspect) / scale]
  const [dx, dy] = [middle + upTo(SHIFT), middle + upTo(SHIFT)]
  const colour = Float32Array.from({ length: 9 }, (_, i) => (i % 4 === 0 ? 1 + upTo(OWN_COLOUR) : upTo(OTHER_COLOUR)))
  const out = new Float32Array(3 * plane).fill(1)
  const ink = new Float32Array(3)
  for (let y = 0; y < S; y++) {
    for (let x = 0; x < S; x++) {
      const fromX = xx * (x - dx) + xy * (y - dy) + middle
      const fromY = yx * (x - dx) + yy * (y - dy) + middle
      if (!(fromX >= 0 && fromX < S - 1 && fromY >= 0 && fromY < S - 1)) continue
      const [left, top] = [Math.floor(fromX), Math.floor(fromY)]
      const [right, below] = [fromX - left, fromY - top]
      for (let c = 0; c < 3; c++) {
        const at = c * plane + top * S + left
        const upper = pixels[at]! + right * (pixels[at + 1]! - pixels[at]!)
        const lower = pixels[at + S]! + right * (pixels[at + S + 1]! - pixels[at + S]!)
        // Distance from white, so that the ground stays white whatever happens to the colours.
        ink[c] = 1 - (upper + below * (lower - upper))
      }
      for (let c = 0; c < 3; c++) {
        const mixed = colour[3 * c]! * ink[0]! + colour[3 * c + 1]! * ink[1]! + colour[3 * c + 2]! * ink[2]!
        out[c * plane + y * S + x] = Math.min(1, Math.max(-1, 1 - mixed))
      }
    }
  }
  return out
}
