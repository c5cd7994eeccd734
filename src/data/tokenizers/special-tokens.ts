/** A token that is no piece of text to the model: control tokens, and what was added to the vocabulary. */
export interface SpecialToken {
  readonly id: number
  readonly name: string
  /** Its name in a text stands for it even where special tokens are not asked for. */
  readonly always?: boolean
  /** Decoded as its name even where special tokens are left out. */
  readonly standsForText?: boolean
  /** Takes the white space before it, after it. */
  readonly stripLeft?: boolean
  readonly stripRight?: boolean
  /** Only where no letter, digit or underscore touches it. */
  readonly singleWord?: boolean
}

const WORD = /[\p{L}\p{N}_]/u

/** A pattern, for regular expressions with the flag `u`, of any of these texts; longer ones are tried first. */
export const anyOf = (texts: readonly string[]): string =>
  [...texts]
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
    .join('|')

/** Cuts text at the names of special tokens: the leftmost first, the longest where several begin at one place. */
export class SpecialSplitter {
  private readonly byName: ReadonlyMap<string, SpecialToken>
  private readonly patterns = new Map<boolean, RegExp | undefined>()

  constructor(tokens: Iterable<SpecialToken>) {
    this.byName = new Map([...tokens].filter((t) => t.name !== '').map((t) => [t.name, t] as const))
  }

  /** Texts that are not empty, and tokens. Without `special` only those that are looked for always. */
  split(text: string, special: boolean): (string | SpecialToken)[] {
    const pattern = this.pattern(special)
    if (!pattern) return text === '' ? [] : [text]
    const out: (string | SpecialToken)[] = []
    let at = 0
    for (const match of text.matchAll(pattern)) {
      const token = this.byName.get(match[0])!
      const end = match.index + match[0].length
      if (token.singleWord && (WORD.test(text.slice(0, match.index).slice(-1)) || WORD.test(text.charAt(end)))) continue
      const before = text.slice(at, match.index)
      out.push(token.stripLeft ? before.trimEnd() : before, token)
      at = token.stripRight ? end + (/^\s*/.exec(text.slice(end))?.[0].length ?? 0) : end
    }
    out.push(text.slice(at))
    return out.filter((part) => part !== '')
  }

  private pattern(special: boolean): RegExp | undefined {
    if (!this.patterns.has(special)) {
      const names = [...this.byName.values()].filter((t) => special || t.always).map((t) => t.name)
      this.patterns.set(special, names.length > 0 ? new RegExp(anyOf(names), 'gu') : undefined)
    }
    return this.patterns.get(special)
  }
}
