import { didYouMean } from '../util/suggest.ts'
import { allocate, DTYPES, type DType, f16ToNumber, type HostArray, numberToF16, setElement } from './dtype.ts'
import { type Attrs, type AttrValue, type Graph, type TensorType, tensorType } from './graph.ts'
import type { Lexer, Token } from './lex.ts'
import { sizeOf } from './shape.ts'
import { RESERVED } from './text-names.ts'

/** Types, attributes and array literals of the text form. Everything here throws ParseError where the text is wrong. */

const isDType = (text: string): text is DType => DTYPES.some((d) => d === text)

/** `f32[2,3]` */
export function parseType(lexer: Lexer): TensorType {
  const start = lexer.token
  const { text } = lexer.name('a type such as f32[2,3]')
  if (!isDType(text)) {
    throw lexer.error(`${text} is not an element type`, {
      at: start,
      hint: didYouMean(text, DTYPES) ?? `one of ${DTYPES.join(', ')}`,
    })
  }
  if (!lexer.sees('[')) throw lexer.expected("'[' and the sizes of a type")
  const shape = parseList(lexer, () => parseCount(lexer))
  if (!Number.isSafeInteger(sizeOf(shape)))
    throw lexer.error('a type with more elements than can be counted', { at: start })
  return tensorType(text, shape)
}

function parseCount(lexer: Lexer): number {
  const { kind, text } = lexer.token
  if (kind !== 'number' || !/^\d+$/.test(text)) throw lexer.expected('a size (a whole number, 0 or more)')
  const n = Number(text)
  if (!Number.isSafeInteger(n)) throw lexer.error(`${text} is too large for a size`)
  lexer.next()
  return n
}

/** Items between brackets or parentheses, separated by commas. */
function parseList<T>(lexer: Lexer, item: () => T, [open, close] = ['[', ']']): T[] {
  const items: T[] = []
  lexer.expect(open!, 'to open a list')
  while (!lexer.sees(close!)) {
    items.push(item())
    if (!lexer.accept(',')) break
  }
  lexer.expect(close!, 'or a comma in a list')
  return items
}

/** `{axis=1, reverse=false}`; nested graphs are read by `parseGraph`. */
export function parseAttrs(lexer: Lexer, parseGraph: () => Graph): Attrs {
  const attrs = new Map<string, AttrValue>()
  lexer.expect('{', 'to open the attributes')
  while (!lexer.sees('}')) {
    const at = lexer.token
    const key = at.kind === 'string' ? parseString(lexer) : lexer.name('the name of an attribute').text
    if (attrs.has(key)) throw lexer.error(`the attribute ${key} stands twice`, { at })
    lexer.expect('=', `after the attribute ${key}`)
    attrs.set(key, parseValue(lexer, parseGraph))
    if (!lexer.accept(',')) break
  }
  lexer.expect('}', 'or a comma after an attribute')
  return Object.fromEntries(attrs)
}

function parseValue(lexer: Lexer, parseGraph: () => Graph): AttrValue {
  const { kind, text } = lexer.token
  if (kind === 'number') return parseNumber(lexer)
  if (kind === 'string') return parseString(lexer)
  if (lexer.sees('[')) return parseList(lexer, () => parseNumber(lexer))
  if (kind !== 'name') throw lexer.expected('a value: a number, true, false, a word, a list, an array or a graph')
  if (text === 'fn') return parseGraph()
  const start = lexer.next()
  if (text === 'true' || text === 'false') return text === 'true'
  if (RESERVED.has(text)) throw lexer.error(`${text} is no value of an attribute`, { at: start })
  return lexer.sees('[') ? parseArray(lexer, start) : text
}

/** @throws ParseError unless the present token is a string without errors in it. */
export function parseString(lexer: Lexer): string {
  try {
    const value: unknown = JSON.parse(lexer.token.text)
    if (typeof value === 'string') {
      lexer.next()
      return value
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw lexer.error('a string with an escape that JSON does not have')
}

function parseNumber(lexer: Lexer): number {
  const { kind, text } = lexer.token
  const value = kind === 'number' ? toNumber(text) : undefined
  if (value === undefined) throw lexer.expected('a number')
  lexer.next()
  return value
}

/** Undefined for bits, and for digits beyond the largest double: infinity is written `inf`. */
function toNumber(text: string): number | undefined {
  if (text === 'nan') return Number.NaN
  if (text.endsWith('inf')) return text.startsWith('-') ? -Infinity : Infinity
  const value = Number(text)
  return text.startsWith('0x') || !Number.isFinite(value) ? undefined : value
}

/** `f32[2](1, nan)`, the dtype already taken. Elements must lie in the dtype's range: none is wrapped. */
function parseArray(lexer: Lexer, start: Token): HostArray {
  const dtype = start.text
  if (!isDType(dtype))
    throw lexer.error(`${dtype} is not an element type`, { at: start, hint: didYouMean(dtype, DTYPES) })
  const shape = parseList(lexer, () => parseCount(lexer))
  const elements = parseList(lexer, () => parseElement(lexer, dtype), ['(', ')'])
  if (sizeOf(shape) !== elements.length) {
    throw lexer.error(`${dtype}[${shape.join(',')}] has ${sizeOf(shape)} elements, but ${elements.length} stand here`, {
      at: start,
    })
  }
  const array: HostArray = { dtype, shape, data: allocate(dtype, elements.length) }
  const bits = dtype === 'f32' ? new Uint32Array(array.data.buffer) : array.data
  elements.forEach((element, i) => {
    if (element.bits) bits[i] = element.value
    else setElement(array, i, element.value)
  })
  return array
}

const RANGES = { i32: [-2147483648, 2147483647], u32: [0, 4294967295], bool: [0, 1] } as const
/** Exponent all ones and a fraction: the bits of a NaN. */
const isNanBits = (bits: number, dtype: 'f32' | 'f16'): boolean => {
  const [exponent, mask] = dtype === 'f32' ? [0x7f800000, 0x7fffffff] : [0x7c00, 0x7fff]
  return bits <= (dtype === 'f32' ? 0xffffffff : 0xffff) && (bits & mask) > exponent
}

function parseElement(lexer: Lexer, dtype: DType): { readonly value: number; readonly bits: boolean } {
  const { kind, text } = lexer.token
  const element = kind === 'number' ? readElement(text, dtype) : undefined
  if (element === undefined) throw lexer.expected(`an element of type ${dtype}`)
  lexer.next()
  return element
}

function readElement(text: string, dtype: DType): { readonly value: number; readonly bits: boolean } | undefined {
  const value = toNumber(text)
  if (dtype === 'f32' || dtype === 'f16') {
    if (text.startsWith('0x')) return isNanBits(Number(text), dtype) ? { value: Number(text), bits: true } : undefined
    if (value === undefined) return undefined
    const rounded = dtype === 'f32' ? Math.fround(value) : f16ToNumber(numberToF16(value))
    return Number.isFinite(value) && !Number.isFinite(rounded) ? undefined : { value, bits: false }
  }
  const [low, high] = RANGES[dtype]
  const fits = value !== undefined && Number.isInteger(value) && value >= low && value <= high
  return fits ? { value, bits: false } : undefined
}
