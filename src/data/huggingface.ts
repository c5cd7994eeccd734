import { join } from 'node:path'
import { FileError } from '../util/errors.ts'
import { filesIn } from './file-access.ts'
import { safetensorsSource } from './safetensors-source.ts'
import { readShardIndex } from './shard-index.ts'
import { shardedSource } from './sharded-source.ts'
import type { TensorSource } from './tensor-source.ts'
import { torchSource } from './torch-source.ts'

interface WeightsFile {
  readonly name: string
  readonly open: (path: string) => Promise<TensorSource>
}

/** How a folder may hold the weights; earlier ones are taken first. Each also comes in shards, with `NAME.index.json`. */
const WEIGHTS: readonly WeightsFile[] = [
  { name: 'model.safetensors', open: safetensorsSource },
  { name: 'pytorch_model.bin', open: torchSource },
]

/**
 * Opens the weights of a folder in Hugging Face's layout: `model.safetensors` or else `pytorch_model.bin`, each in one
 * file or in the shards that `NAME.index.json` names.
 * @throws FileError if the folder has none of these, or for a file that is not what it should be.
 */
export async function huggingFaceSource(folder: string): Promise<TensorSource> {
  const files = new Set(await filesIn(folder))
  for (const { name, open } of WEIGHTS) {
    if (files.has(name)) return { ...(await open(join(folder, name))), path: folder }
    const index = `${name}.index.json`
    if (files.has(index)) return shardedSource(folder, await readShardIndex(join(folder, index)), open)
  }
  const names = WEIGHTS.flatMap(({ name }) => [name, `${name}.index.json`])
  const others = [...files].filter((name) => /\.(gguf|safetensors|bin|pth?)$/.test(name) && !/^tok/.test(name)).sort()
  throw new FileError(`${folder}: holds no weights under a name of Hugging Face`, {
    hint:
      others.length > 0
        ? `give the path of the file itself: ${others.slice(0, 5).join(', ')}`
        : `one of ${names.join(', ')} is looked for`,
  })
}
