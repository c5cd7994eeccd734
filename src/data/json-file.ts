import { FileError } from '../util/errors.ts'
import { withFile } from './file-access.ts'

/** Configurations and indices are small: a larger file is something else. */
const MAX_JSON_BYTES = 64 << 20

/**
 * The parsed contents of a JSON file, which says nothing about their form yet.
 * @throws FileError if there is no such file, if it is larger than 64 MiB, or is not JSON in UTF-8.
 */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await withFile(path, async (file) => {
    if (file.size > MAX_JSON_BYTES) throw new FileError(`${path}: ${file.size} bytes are too many for a JSON file`)
    const all = new Uint8Array(file.size)
    await file.readInto(all, 0)
    return all
  })
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    // A SyntaxError for JSON, a TypeError for UTF-8, a RangeError where it is nested deeper than the engine's stack.
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new FileError(`${path}: not JSON: ${reason.slice(0, 200)}`, {
      hint: 'the file is truncated or of another format',
    })
  }
}

export const isObject = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === 'object' && x !== null && !Array.isArray(x)
