import { FileError } from '../util/errors.ts'
import { withFile } from './file-access.ts'
import type { PickleValue } from './pickle.ts'
import { torchArchive } from './torch-archive.ts'
import { argumentGlobal } from './torch-globals.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** Arguments are some dozens. Values may hold one another, so that few bytes could stand for a huge tree. */
const MAX_VALUES = 100_000

/**
 * The arguments of a training run that torch.save wrote, as a dictionary or an argparse.Namespace: `train_args.pt`.
 * Tuples become lists; an enumeration's member its value (or its name in small letters, which is what some versions of
 * Python write). Nothing is run.
 * @throws FileError for another file, for one that names other classes, and for values that JSON has not.
 */
export async function readTorchArguments(path: string): Promise<{ readonly [key: string]: JsonValue }> {
  const root = await withFile(path, async (file) => {
    const archive = await torchArchive(file)
    return archive.unpickle({
      global: argumentGlobal(path),
      persistent: () => {
        throw new FileError(`${path}: holds tensors among the arguments`)
      },
    })
  })
  const value = jsonOf(root, path)
  if (typeof value === 'object' && value !== null && !isList(value)) return value
  throw new FileError(`${path}: holds no dictionary of arguments`)
}

const isList = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value)

function jsonOf(root: PickleValue, path: string): JsonValue {
  let count = 0
  const convert = (value: PickleValue, depth: number): JsonValue => {
    if (++count > MAX_VALUES || depth > 100) throw new FileError(`${path}: too many values, or too deeply nested`)
    if (Array.isArray(value)) return value.map((item) => convert(item, depth + 1))
    if (value instanceof Set) return [...value].map((item) => convert(item, depth + 1))
    if (value instanceof Map) {
      return Object.fromEntries([...value].map(([key, item]) => [keyOf(key, path), convert(item, depth + 1)] as const))
    }
    if (typeof value === 'bigint') return String(value)
    if (value === null || typeof value !== 'object') return value
    throw new FileError(`${path}: holds a value that is neither text, number, list nor dictionary`)
  }
  return convert(root, 0)
}

function keyOf(key: PickleValue, path: string): string {
  if (typeof key === 'string' || typeof key === 'number') return String(key)
  throw new FileError(`${path}: a key that is neither text nor number`)
}
