import { ParseError } from '../util/errors.ts'
import { NAME_PATTERN } from './text-names.ts'

/** The words of the text form, found one at a time: a graph may hold millions of numbers. */
export interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'mark' | 'end'
  readonly text: string
  readonly offset: number
  /** Nothing but blanks and comments stand before it on its line. */
  readonly startsLine: boolean
  /** The comment, if any, that ends the line of the token before this one. */
  readonly commentBefore: string | undefined
}

const BLANKS = /[ \t\r\n]+/y
const COMMENT = /\/\/([^\r\n]*)/y
const PATTERNS = [
  ['number', /(?:0x[0-9a-f]+|-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|inf)|nan)(?![\p{L}\p{N}_.])/uy],
  ['name', new RegExp(NAME_PATTERN, 'uy')],
  ['string', /"(?:[^"\\\r\n]|\\.)*"/uy],
  ['mark', /->|[(){}[\],:=]/y],
] as const

const LONGEST_NEAR = 32

export class Lexer {
  /** The token to be read next. */
  token: Token
  private at = 0

  constructor(
    readonly text: string,
    /** What errors call the text. */
    readonly file: string,
  ) {
    this.token = this.scan()
  }

  /** Takes the present token and moves on. */
  next(): Token {
    const token = this.token
    this.token = this.scan()
    return token
  }

  /** Moves on if the present token is that mark. */
  accept(mark: string): boolean {
    if (!this.sees(mark)) return false
    this.next()
    return true
  }

  sees(mark: string): boolean {
    return this.token.kind === 'mark' && this.token.text === mark
  }

  seesWord(word: string): boolean {
    return this.token.kind === 'name' && this.token.text === word
  }

  /** @throws ParseError unless the present token is that mark. */
  expect(mark: string, where: string): void {
    if (!this.accept(mark)) throw this.expected(`'${mark}' ${where}`)
  }

  /** Takes a name. @throws ParseError for anything else. */
  name(what: string): Token {
    if (this.token.kind !== 'name') throw this.expected(what)
    return this.next()
  }

  expected(what: string): ParseError {
    const { kind, text } = this.token
    return this.error(`expected ${what}, found ${kind === 'end' ? 'the end of the text' : brief(text)}`)
  }

  /** An error at a token (the present one unless said), with line, column and the text found there. */
  error(message: string, { at = this.token, hint }: { at?: Token; hint?: string | undefined } = {}): ParseError {
    const before = this.text.slice(0, at.offset)
    const line = before.split('\n').length
    const lineStart = before.lastIndexOf('\n') + 1
    const rest = /^[^\r\n]*/.exec(this.text.slice(at.offset))![0]
    // At the end of the text, what came last says more than nothing.
    const near = rest === '' ? before.trimEnd().slice(-LONGEST_NEAR) : rest.slice(0, LONGEST_NEAR)
    return new ParseError(`${message}, near ${JSON.stringify(near.trim())}`, {
      at: `${this.file}:${line}:${at.offset - lineStart + 1}`,
      hint,
    })
  }

  private scan(): Token {
    let startsLine = this.at === 0
    let commentBefore: string | undefined
    for (;;) {
      const blanks = this.match(BLANKS)
      if (blanks?.[0].includes('\n')) startsLine = true
      const comment = this.match(COMMENT)
      if (comment && !startsLine) commentBefore = comment[1]!.trim()
      if (!blanks && !comment) break
    }
    const offset = this.at
    const place = { offset, startsLine, commentBefore }
    if (offset === this.text.length) return { kind: 'end', text: '', ...place }
    for (const [kind, pattern] of PATTERNS) {
      const found = this.match(pattern)
      if (found) return { kind, text: found[0], ...place }
    }
    const at: Token = { kind: 'mark', text: '', ...place }
    if (this.text[offset] === '"') throw this.error('a string that does not end on its line', { at })
    throw this.error(`unexpected ${brief(String.fromCodePoint(this.text.codePointAt(offset)!))}`, { at })
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found) this.at = pattern.lastIndex
    return found
  }
}

const brief = (text: string): string =>
  JSON.stringify(text.length > LONGEST_NEAR ? `${text.slice(0, LONGEST_NEAR)}...` : text)
