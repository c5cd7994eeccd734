import { join } from 'node:path'
import { FileError } from '../util/errors.ts'
import { filesIn } from './file-access.ts'
import type { ShardIndex } from './shard-index.ts'
import { found, quoted } from './tensor-name.ts'
import type { TensorInfo, TensorSource } from './tensor-source.ts'

/**
 * The tensors of all shards that an index names, as one source. Every shard is opened, and its names held against the
 * index, before this returns.
 * @throws FileError for a shard that is missing, or that does not hold exactly the tensors which the index says.
 */
export async function shardedSource(
  folder: string,
  index: ShardIndex,
  open: (path: string) => Promise<TensorSource>,
): Promise<TensorSource> {
  const opened: TensorSource[] = []
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((shard) => shard.close()))
  }
  await checkFiles(folder, index)
  try {
    const tensors = new Map<string, TensorInfo>()
    const holders = new Map<string, TensorSource>()
    for (const [file, names] of index.shards) {
      const shard = await open(join(folder, file))
      opened.push(shard)
      checkNames(index, file, names, shard)
      for (const [name, info] of shard.tensors) {
        tensors.set(name, info)
        holders.set(name, shard)
      }
    }
    return {
      path: folder,
      tensors,
      async read(name, rows) {
        return found(holders, name, folder).read(name, rows)
      },
      close,
    }
  } catch (cause) {
    await close()
    throw cause
  }
}

/** All that are missing are named at once: each may take hours to download. */
async function checkFiles(folder: string, { path, shards }: ShardIndex): Promise<void> {
  const there = new Set(await filesIn(folder))
  const missing = [...shards.keys()].filter((file) => !there.has(file))
  if (missing.length === 0) return
  const named = missing.slice(0, 10).map(quoted).join(', ')
  throw new FileError(
    `${path}: names files that are not in the folder: ${named}${missing.length > 10 ? ', ...' : ''}`,
    {
      hint: `it has ${shards.size - missing.length} of ${shards.size}; download the others into the same folder`,
    },
  )
}

function checkNames(index: ShardIndex, file: string, names: ReadonlySet<string>, { tensors }: TensorSource): void {
  for (const name of names) {
    if (tensors.has(name)) continue
    throw new FileError(`${index.path}: tensor ${quoted(name)} is said to be in ${quoted(file)}, which lacks it`, {
      hint: 'the files are of different versions: download them again',
    })
  }
  for (const name of tensors.keys()) {
    if (names.has(name)) continue
    const other = [...index.shards].find(([, held]) => held.has(name))
    throw new FileError(
      `${index.path}: ${quoted(file)} holds tensor ${quoted(name)}, ` +
        (other ? `which is said to be in ${quoted(other[0])}` : 'which is in no file of the index'),
      { hint: 'the files are of different versions: download them again' },
    )
  }
}
