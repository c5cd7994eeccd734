import { FileError } from '../util/errors.ts'
import { didYouMean } from '../util/suggest.ts'

/** Names come from files: a long one is cut before it goes into a message. */
export const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}...` : text)
export const quoted = (text: string): string => JSON.stringify(shortened(text))

/** How messages name a tensor of a file. */
export const tensorOf = (path: string, name: string): string => `${path}: tensor ${quoted(name)}`

/** What a source keeps of a tensor. @throws FileError for a name that the source does not hold. */
export function found<T>(byName: ReadonlyMap<string, T>, name: string, path: string): T {
  const entry = byName.get(name)
  if (entry !== undefined) return entry
  throw new FileError(`${tensorOf(path, name)}: not there`, { hint: didYouMean(name, byName.keys()) })
}
