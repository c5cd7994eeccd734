import { type PendingTensor, pendingBytes } from '../data/safetensors-stream.ts'

/** A file of a model's tensors. */
export interface Shard {
  readonly file: string
  readonly tensors: readonly PendingTensor[]
}

/**
 * Tensors as files of at most `maxBytes`, in their order; a tensor larger than that has a file to itself. One file is
 * `model.safetensors`, of several the first is `model-00001-of-0000N.safetensors`.
 * Source: `split_torch_state_dict_into_shards` of huggingface_hub.
 */
export function shards(tensors: readonly PendingTensor[], maxBytes: number): Shard[] {
  const groups: PendingTensor[][] = []
  let room = 0
  for (const tensor of tensors) {
    const bytes = pendingBytes(tensor)
    if (groups.length === 0 || bytes > room) {
      groups.push([])
      room = maxBytes
    }
    groups.at(-1)!.push(tensor)
    room -= bytes
  }
  if (groups.length <= 1) return [{ file: 'model.safetensors', tensors }]
  const number = (n: number): string => String(n).padStart(5, '0')
  return groups.map((group, i) => ({
    file: `model-${number(i + 1)}-of-${number(groups.length)}.safetensors`,
    tensors: group,
  }))
}

export const INDEX = 'model.safetensors.index.json'

/** What INDEX says: which file holds which tensor. */
export const shardIndexJson = (all: readonly Shard[]): Readonly<Record<string, unknown>> => ({
  metadata: {
    total_size: all.flatMap(({ tensors }) => tensors).reduce((sum, tensor) => sum + pendingBytes(tensor), 0),
  },
  weight_map: Object.fromEntries(all.flatMap(({ file, tensors }) => tensors.map(({ name }) => [name, file]))),
})

/** Whether a file's name is one that the weights of a model, in one file or several, may have. */
export const isWeightsFile = (name: string): boolean =>
  name === INDEX || /^model(-\d{5}-of-\d{5})?\.safetensors$/.test(name)
