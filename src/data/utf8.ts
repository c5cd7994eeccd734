/**
 * UTF-8 that loses nothing: JavaScript strings may hold half a surrogate pair, which UTF-8 proper cannot say, so
 * such a half is written as the three bytes its number would take (WTF-8). `TextDecoder` refuses those.
 */
export function toBytes(text: string): number[] {
  const out: number[] = []
  for (const character of text) {
    const c = character.codePointAt(0)!
    if (c < 0x80) out.push(c)
    else if (c < 0x800) out.push(0xc0 | (c >> 6), trail(c))
    else if (c < 0x10000) out.push(0xe0 | (c >> 12), trail(c >> 6), trail(c))
    else out.push(0xf0 | (c >> 18), trail(c >> 12), trail(c >> 6), trail(c))
  }
  return out
}

const trail = (bits: number): number => 0x80 | (bits & 0x3f)
const REPLACEMENT = '\ufffd'
/** The least code point that needs this many bytes; a lower one is an overlong form and malformed. */
const LEAST = [0, 0, 0x80, 0x800, 0x10000]

/**
 * The text of the bytes; each byte that is not part of a well-formed character becomes U+FFFD.
 * @param halves whether half a surrogate pair, written as above, is a character.
 */
export function fromBytes(bytes: readonly number[], halves = true): string {
  let out = ''
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i]!
    const length = lengthAfter(lead)
    let c = length === 1 ? lead : codePoint(bytes, i, length)
    if (c !== undefined && !halves && c >= 0xd800 && c < 0xe000) c = undefined
    out += c === undefined ? REPLACEMENT : String.fromCodePoint(c)
    i += c === undefined ? 1 : length
  }
  return out
}

/** Bytes of the character that begins with this one; 0 where none does. */
const lengthAfter = (lead: number): number =>
  lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0

/** `fromBytes` of bytes that come in parts: those that may begin a character wait for the rest of it. */
export class Utf8Stream {
  private pending: number[] = []
  private readonly halves: boolean

  constructor(halves = true) {
    this.halves = halves
  }

  push(bytes: Iterable<number>): string {
    for (const byte of bytes) this.pending.push(byte)
    const whole = this.pending.length - unfinished(this.pending)
    const text = fromBytes(this.pending.slice(0, whole), this.halves)
    this.pending = this.pending.slice(whole)
    return text
  }

  end(): string {
    const text = fromBytes(this.pending, this.halves)
    this.pending = []
    return text
  }
}

/** How many bytes at the end begin a character that needs more of them. */
function unfinished(bytes: readonly number[]): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if ((byte & 0xc0) !== 0x80) return lengthAfter(byte) > back ? back : 0
  }
  return 0
}

function codePoint(bytes: readonly number[], at: number, length: number): number | undefined {
  if (length === 0 || at + length > bytes.length) return undefined
  let c = bytes[at]! & (0x7f >> length)
  for (let i = at + 1; i < at + length; i++) {
    if ((bytes[i]! & 0xc0) !== 0x80) return undefined
    c = (c << 6) | (bytes[i]! & 0x3f)
  }
  return c >= LEAST[length]! && c <= 0x10ffff ? c : undefined
}
