import { readFileSync, statSync } from 'node:fs'
import { ImageError } from '../util/errors.ts'

/**
 * The bytes of an image file, not yet decoded.
 * @param maxBytes the largest file accepted.
 * @throws ImageError when the file is missing, not a file, unreadable or too large.
 */
export function readImageFile(path: string, maxBytes: number): Uint8Array {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new ImageError(`${path} is not a file`, { hint: 'give the path of one image' })
    if (stat.size > maxBytes) {
      throw new ImageError(`${path} has ${stat.size} bytes, more than ${maxBytes}`, { hint: 'make the image smaller' })
    }
    return readFileSync(path)
  } catch (cause) {
    if (cause instanceof ImageError) throw cause
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new ImageError(missing ? `there is no image ${path}` : `cannot read ${path}: ${(cause as Error).message}`, {
      hint: 'check the path and its permissions',
    })
  }
}
