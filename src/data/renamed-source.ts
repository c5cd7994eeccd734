import { CheckpointError } from '../util/errors.ts'
import { found, quoted } from './tensor-name.ts'
import type { TensorInfo, TensorSource } from './tensor-source.ts'

/**
 * The same tensors under other names, without those that have none. Closing it closes the source.
 * @throws CheckpointError where two would have the same name.
 */
export function renamedSource(source: TensorSource, rename: (name: string) => string | undefined): TensorSource {
  const tensors = new Map<string, TensorInfo>()
  const originals = new Map<string, string>()
  for (const [original, info] of source.tensors) {
    const name = rename(original)
    if (name === undefined) continue
    const other = originals.get(name)
    if (other !== undefined) {
      throw new CheckpointError(
        `${source.path}: tensors ${quoted(other)} and ${quoted(original)} would both be ${quoted(name)}`,
      )
    }
    originals.set(name, original)
    tensors.set(name, info)
  }
  return {
    path: source.path,
    tensors,
    async read(name, rows) {
      return source.read(found(originals, name, source.path), rows)
    },
    ...(source.readQuantised && {
      readQuantised: (name, rows) => {
        const original = originals.get(name)
        return original === undefined ? undefined : source.readQuantised?.(original, rows)
      },
    }),
    close: () => source.close(),
  }
}
