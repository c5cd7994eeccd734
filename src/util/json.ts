/** Fields of parsed JSON whose shape nobody vouches for. */

export type Json = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

/** The field of an object; undefined where there is none, or no object. */
export const field = (value: unknown, name: string): unknown =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined

/** Of a value that may be a list, or a single thing, or absent. */
export const listOf = (value: unknown): readonly unknown[] => (isList(value) ? value : [])
