import { FileError } from '../util/errors.ts'
import { readWhole } from './file-access.ts'

/** Configurations and indices are small: a larger file is something else. */
const MAX_JSON_BYTES = 64 << 20

/**
 * The parsed contents of a JSON file, which says nothing about their form yet.
 * @param most the largest file accepted, in bytes; 64 MiB unless given.
 * @throws FileError if there is no such file, if it is larger than that, or is not JSON in UTF-8.
 */
export async function readJson(path: string, most = MAX_JSON_BYTES): Promise<unknown> {
  const bytes = await readWhole(path, most)
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
