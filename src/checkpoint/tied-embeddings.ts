import type { TensorSource } from '../data/tensor-source.ts'
import { isBuffer } from '../models/fit.ts'
import { CheckpointError } from '../util/errors.ts'
import { rowChunks } from './read-as.ts'

/**
 * The names of a LLaMA's checkpoint that its model has no use for: buffers, and where the configuration ties the output
 * layer to the embeddings, a copy of these as `lm_head.weight`.
 * @throws CheckpointError where that is no copy: the configuration is then wrong.
 */
export async function unusedOfLlama(
  source: TensorSource,
  config: { readonly tie_word_embeddings: boolean },
  prefix = '',
): Promise<(name: string) => boolean> {
  const head = `${prefix}lm_head.weight`
  const table = `${prefix}model.embed_tokens.weight`
  const tied = config.tie_word_embeddings && source.tensors.has(head) && source.tensors.has(table)
  if (tied && !(await equal(source, head, table))) {
    throw new CheckpointError(
      `${source.path}: the configuration ties ${head} to ${table} (tie_word_embeddings), but they differ`,
      { hint: 'set tie_word_embeddings to false in config.json, so that both are used' },
    )
  }
  return (name) => isBuffer(name) || (tied && name === head)
}

async function equal(source: TensorSource, a: string, b: string): Promise<boolean> {
  const { shape } = source.tensors.get(a)!
  if (String(shape) !== String(source.tensors.get(b)!.shape)) return false
  for (const rows of rowChunks(shape)) {
    const [x, y] = [await source.read(a, rows), await source.read(b, rows)]
    if (x.dtype !== y.dtype || x.data.some((value, i) => !Object.is(value, y.data[i]))) return false
  }
  return true
}
