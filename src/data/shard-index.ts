import { FileError } from '../util/errors.ts'
import { isObject } from '../util/json.ts'
import { readJson } from './json-file.ts'
import { quoted } from './tensor-name.ts'

/** More files than this are no sharded model, and more than a process may have open. */
const MAX_SHARDS = 1000

/** Which file of a folder holds which tensors, as a `*.index.json` of Hugging Face says it. */
export interface ShardIndex {
  readonly path: string
  /** Tensors by file, both in the order of the index. */
  readonly shards: ReadonlyMap<string, ReadonlySet<string>>
}

/**
 * Reads the `weight_map` of an index. Files lie in the index's own folder.
 * @throws FileError for anything but an index, for a file name that leaves the folder, and for more than 1000 files.
 */
export async function readShardIndex(path: string): Promise<ShardIndex> {
  const json = await readJson(path)
  const map = isObject(json) ? json['weight_map'] : undefined
  if (!isObject(map)) throw new FileError(`${path}: has no weight_map, which says what file each tensor is in`)
  const shards = new Map<string, Set<string>>()
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== 'string') throw new FileError(`${path}: the file of tensor ${quoted(tensor)} is not a name`)
    if (!isPlainName(file)) {
      throw new FileError(`${path}: tensor ${quoted(tensor)} is said to be in ${quoted(file)}, outside the folder`)
    }
    const names = shards.get(file) ?? new Set<string>()
    names.add(tensor)
    shards.set(file, names)
    if (shards.size > MAX_SHARDS) throw new FileError(`${path}: names more than ${MAX_SHARDS} files`)
  }
  if (shards.size === 0) throw new FileError(`${path}: its weight_map is empty`)
  return { path, shards }
}

const isPlainName = (file: string): boolean => file !== '' && file !== '.' && file !== '..' && !/[/\\\0]/.test(file)
