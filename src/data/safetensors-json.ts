/**
 * The JSON of a safetensors header: objects, arrays, strings and whole numbers at most MAX_DEPTH deep. `JSON.parse`
 * will not do, since it keeps the last of two equal keys without a word and so hides one tensor behind another.
 */
export type HeaderValue = string | number | readonly HeaderValue[] | HeaderObject
export type HeaderObject = ReadonlyMap<string, HeaderValue>

/** header { entry { shape [ number: nothing legal lies deeper. */
const MAX_DEPTH = 4

/** What is wrong with the text and where; the caller knows the file and makes a FileError of it. */
export class HeaderSyntax extends Error {}

/** Parses a whole header text. Throws HeaderSyntax on anything outside the grammar, a repeated key included. */
export function parseHeaderJson(text: string): HeaderValue {
  let at = 0

  const fail = (what: string): never => {
    throw new HeaderSyntax(`${what} at character ${at} of the header`)
  }
  const skipSpace = (): void => {
    while (at < text.length && ' \n\r\t'.includes(text[at]!)) at++
  }
  const expect = (character: string): void => {
    skipSpace()
    if (text[at] !== character) fail(`expected '${character}'`)
    at++
  }
  const accept = (character: string): boolean => {
    skipSpace()
    if (text[at] !== character) return false
    at++
    return true
  }

  function string(): string {
    expect('"')
    const start = at - 1
    while (text[at] !== '"') {
      if (at >= text.length) fail('unclosed string')
      at += text[at] === '\\' ? 2 : 1
    }
    at++
    try {
      return JSON.parse(text.slice(start, at)) as string // escapes and control characters, by the standard's rules
    } catch {
      return fail('bad string')
    }
  }

  function wholeNumber(): number {
    const pattern = /(?:0|[1-9]\d{0,15})(?![\d.eE])/y
    pattern.lastIndex = at
    const digits = pattern.exec(text)?.[0]
    const value = digits === undefined ? Number.NaN : Number(digits)
    if (!Number.isSafeInteger(value)) return fail('expected a whole number, 0 or more and below 2^53,')
    at += digits!.length
    return value
  }

  function array(depth: number): HeaderValue[] {
    const items: HeaderValue[] = []
    if (accept(']')) return items
    do items.push(value(depth + 1))
    while (accept(','))
    expect(']')
    return items
  }

  function object(depth: number): HeaderObject {
    const entries = new Map<string, HeaderValue>()
    if (accept('}')) return entries
    do {
      const key = string()
      if (entries.has(key)) fail(`the name ${JSON.stringify(key)} stands twice, the second time`)
      expect(':')
      entries.set(key, value(depth + 1))
    } while (accept(','))
    expect('}')
    return entries
  }

  function value(depth: number): HeaderValue {
    if (depth > MAX_DEPTH) fail('nested too deep')
    skipSpace()
    if (accept('{')) return object(depth)
    if (accept('[')) return array(depth)
    return text[at] === '"' ? string() : wholeNumber()
  }

  const parsed = value(1)
  skipSpace()
  if (at < text.length) fail('text after the end')
  return parsed
}
