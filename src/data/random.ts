/**
 * Reproducible random numbers: xoshiro128** (Blackman and Vigna), 128 bits of state, 32-bit operations only, so
 * that Node and every browser give the same sequence. Not for cryptography.
 *
 * `fork(part)` derives an independent stream from the *seed and the part*, never from how many numbers were drawn:
 * `new Random(1).fork('dialogue').fork(7)` is the same whatever was drawn before, so that sample 7 does not depend
 * on samples 0 to 6 and work can be split over processes.
 */
export class Random {
  /** What the stream was made from; forks are derived from it. */
  private readonly identity: Words
  private state: Words

  /** @param seed any number or text; equal seeds give equal sequences. */
  constructor(seed: number | string, parent?: Readonly<Words>) {
    this.identity = absorb(parent ?? ROOT, `${typeof seed}:${seed}`)
    this.state = [...this.identity]
  }

  /** The stream of a named or numbered part of this one. Independent of what was drawn from it so far. */
  fork(part: number | string): Random {
    return new Random(part, this.identity)
  }

  /** An integer in [0, 2^32). */
  bits(): number {
    const s = this.state
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotate(s[3], 11)
    return result
  }

  /** A number in [0, 1), a multiple of 2^-32. */
  next(): number {
    return this.bits() / 0x1_0000_0000
  }

  /**
   * An integer in [0, below), without bias.
   * @throws RangeError unless `below` is an integer from 1 to 2^32.
   */
  int(below: number): number {
    if (!Number.isInteger(below) || below < 1 || below > 0x1_0000_0000) {
      throw new RangeError(`Random.int needs an integer bound from 1 to 2^32, not ${below}`)
    }
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % below)
    let x = this.bits()
    while (x >= limit) x = this.bits()
    return x % below
  }

  /** An integer in [from, to], both included. @throws RangeError when there is none. */
  between(from: number, to: number): number {
    return from + this.int(to - from + 1)
  }

  /** True with the given probability. */
  chance(probability = 0.5): boolean {
    return this.next() < probability
  }

  /** A number from the standard normal distribution (Box-Muller, the cosine half). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
  }

  /** One of the items, each equally likely. @throws RangeError when there is none. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('Random.pick from an empty list')
    return items[this.int(items.length)]!
  }

  /** One of the items, item i with probability weights[i] / sum. @throws RangeError when the weights sum to 0. */
  weighted<T>(items: readonly T[], weights: readonly number[]): T {
    const total = weights.reduce((a, b) => a + b, 0)
    if (!(total > 0)) throw new RangeError('Random.weighted needs weights with a positive sum')
    let at = this.next() * total
    for (let i = 0; i < items.length; i++) {
      at -= weights[i]!
      if (at < 0 && weights[i]! > 0) return items[i]!
    }
    return items[weights.findLastIndex((w) => w > 0)]!
  }

  /** A new array with the same items in random order (Fisher-Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const out = [...items]
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(i + 1)
      const swap = out[i]!
      out[i] = out[j]!
      out[j] = swap
    }
    return out
  }

  /** The present state, to store in a checkpoint. */
  save(): RandomState {
    return { identity: [...this.identity], state: [...this.state] }
  }

  /** A stream that goes on where `save` stood. */
  static restore(saved: RandomState): Random {
    const out = new Random(0, saved.identity)
    out.identity.splice(0, 4, ...saved.identity)
    out.state = [...saved.state]
    return out
  }
}

type Words = [number, number, number, number]
export interface RandomState {
  readonly identity: Readonly<Words>
  readonly state: Readonly<Words>
}

/** The order in which epoch `epoch` visits `count` samples: another permutation each epoch, the same each run. */
export function epochOrder(count: number, seed: number, epoch: number): number[] {
  return new Random(seed)
    .fork('epoch order')
    .fork(epoch)
    .shuffled(Array.from({ length: count }, (_, i) => i))
}

/** Digits of pi: any nonzero constant would do. */
const ROOT: Words = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]
const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

/** Mixes text into four words: one multiply-rotate round per character, then full avalanche across the words. */
function absorb(from: Readonly<Words>, text: string): Words {
  let [a, b, c, d] = from
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = b ^ Math.imul(a ^ code, 0x9e3779b1)
    b = c ^ Math.imul(b ^ code, 0x85ebca6b)
    c = d ^ Math.imul(c ^ code, 0xc2b2ae35)
    d = a ^ Math.imul(d ^ code, 0x27d4eb2f)
  }
  const sum = a ^ b ^ c ^ d ^ text.length
  const words: Words = [avalanche(sum ^ a), avalanche(sum + b), avalanche(sum ^ rotate(c, 13)), avalanche(sum + d)]
  // xoshiro stays at zero for ever if all words are zero.
  return words.some((w) => w !== 0) ? words : [...ROOT]
}

/** The finaliser of MurmurHash3: every input bit changes every output bit about half the time. */
function avalanche(x: number): number {
  let h = x | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
