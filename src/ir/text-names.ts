import type { Graph, Value } from './graph.ts'

/**
 * Names of the text form: words of letters, digits and _, joined by dots (`params.layers.0.w`). Printer, lexer and
 * parser agree on them here.
 */
export const NAME_PATTERN = String.raw`[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}\p{N}_]+)*`
const WHOLE_NAME = new RegExp(`^${NAME_PATTERN}$`, 'u')

/** Words with a meaning of their own, which name no value and no bare string. */
export const RESERVED: ReadonlySet<string> = new Set(['fn', 'return', 'true', 'false', 'inf', 'nan'])

/** True of text that stands for itself, without quotes. */
export const isPlainName = (text: string): boolean => WHOLE_NAME.test(text) && !RESERVED.has(text)

/** The text itself where it is a name, else in JSON's quotes. */
export const quoteUnlessName = (text: string): string => (isPlainName(text) ? text : JSON.stringify(text))

/** A user's name as a name of the text form: `layers[0].w` becomes `layers.0.w`. Empty if nothing is left of it. */
export function sanitizeName(name: string): string {
  const dotted = name
    .replace(/\[(\d+)\]/g, '.$1')
    .replace(/[^\p{L}\p{N}_.]/gu, '_')
    .replace(/\.+/g, '.')
    .replace(/^\.|\.$/g, '')
  if (dotted === '' || isPlainName(dotted)) return dotted
  return RESERVED.has(dotted) ? `${dotted}_` : `_${dotted}`
}

/** a, b, ..., z, aa, ab, ... */
export function letters(i: number): string {
  const last = String.fromCharCode(97 + (i % 26))
  return i < 26 ? last : letters(Math.floor(i / 26) - 1) + last
}

/**
 * A name for every value of a graph (nested graphs have names of their own): the user's where there is one, with a
 * number behind it where another value has it already, and letters for the rest. A value that the graph does not
 * define, as a broken graph may use, gets a name as well: what is wrong must be printable.
 */
export function nameValues(graph: Graph): (value: Value) => string {
  const names = new Map<Value, string>()
  const taken = new Set<string>()
  const give = (value: Value, name: string): string => {
    names.set(value, name)
    taken.add(name)
    return name
  }
  const defined = [...graph.inputs, ...graph.equations.flatMap((e) => e.outputs)]
  const copies = new Map<string, number>()
  for (const value of defined) {
    const wanted = sanitizeName(value.name ?? '')
    if (wanted === '' || names.has(value)) continue
    let name = wanted
    let copy = copies.get(wanted) ?? 1
    while (taken.has(name)) name = `${wanted}_${++copy}`
    copies.set(wanted, copy)
    give(value, name)
  }
  let next = 0
  const unnamed = (value: Value): string => {
    let name = letters(next++)
    while (taken.has(name) || RESERVED.has(name)) name = letters(next++)
    return give(value, name)
  }
  for (const value of defined) if (!names.has(value)) unnamed(value)
  return (value) => names.get(value) ?? unnamed(value)
}
