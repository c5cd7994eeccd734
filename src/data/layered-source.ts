import { found } from './tensor-name.ts'
import type { TensorInfo, TensorSource } from './tensor-source.ts'

/** The tensors of several sources as one; of those with the same name the first source's. Closing it closes all. */
export function layeredSource(path: string, sources: readonly TensorSource[]): TensorSource {
  const tensors = new Map<string, TensorInfo>()
  const holders = new Map<string, TensorSource>()
  for (const source of sources) {
    for (const [name, info] of source.tensors) {
      if (holders.has(name)) continue
      tensors.set(name, info)
      holders.set(name, source)
    }
  }
  return {
    path,
    tensors,
    async read(name, rows) {
      return found(holders, name, path).read(name, rows)
    },
    readQuantised: (name, rows) => holders.get(name)?.readQuantised?.(name, rows),
    close: async () => {
      await Promise.all(sources.map((source) => source.close()))
    },
  }
}
