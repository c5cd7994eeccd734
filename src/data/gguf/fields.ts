import { FileError, UnsupportedError } from '../../util/errors.ts'
import type { Metadata, NumberArray } from './metadata.ts'

/** Checked access to metadata: a value of the wrong kind is a FileError that names its key. */
export interface Fields {
  readonly path: string
  number(key: string): number | undefined
  flag(key: string): boolean | undefined
  text(key: string): string | undefined
  texts(key: string): readonly string[] | undefined
  numbers(key: string): readonly number[] | undefined
  /** A number, or the one that an array with an element for each layer repeats. */
  sameInLayers(key: string): number | undefined
  /** @throws FileError where `value` is undefined. */
  needed<T>(key: string, value: T | undefined): T
}

export function fieldsOf(metadata: Metadata, path: string): Fields {
  const wrong = (key: string, wanted: string): FileError => new FileError(`${path}: metadata ${key} is not ${wanted}`)
  const numbers = (key: string): readonly number[] | undefined => {
    const value = metadata.get(key)
    if (value === undefined) return undefined
    if (typeof value !== 'object' || isTexts(value)) throw wrong(key, 'an array of numbers')
    return Array.from(value as ArrayLike<number | bigint>, Number)
  }
  const number = (key: string): number | undefined => {
    const value = metadata.get(key)
    if (value === undefined || typeof value === 'number') return value
    throw wrong(key, 'a number')
  }
  return {
    path,
    number,
    numbers,
    flag(key) {
      const value = metadata.get(key)
      if (value === undefined || typeof value === 'boolean') return value
      throw wrong(key, 'true or false')
    },
    text(key) {
      const value = metadata.get(key)
      if (value === undefined || typeof value === 'string') return value
      throw wrong(key, 'a text')
    },
    texts(key) {
      const value = metadata.get(key)
      if (value === undefined || (typeof value === 'object' && isTexts(value))) return value
      throw wrong(key, 'an array of texts')
    },
    sameInLayers(key) {
      if (typeof metadata.get(key) !== 'object') return number(key)
      const values = numbers(key)!
      if (values.length > 0 && values.every((value) => value === values[0])) return values[0]
      throw new UnsupportedError(`${path}: metadata ${key} differs from layer to layer`)
    },
    needed(key, value) {
      if (value === undefined) throw new FileError(`${path}: metadata ${key} is missing`)
      return value
    },
  }
}

const isTexts = (value: readonly string[] | NumberArray): value is readonly string[] => Array.isArray(value)
