import type { KernelBuilder } from './kernel-builder.ts'
import { type Expr, LANES } from './kernel-ir.ts'

export interface Division {
  readonly quotient: Expr
  readonly remainder: Expr
}

/**
 * An index divided by a size, term by term: what is a multiple of the size leaves the division, and what stays below it
 * has the quotient 0. A vector that begins at a multiple of four within rows of such a multiple lies in one row: its
 * quotient is a scalar. Undefined for vectors of which that is not known.
 */
export function divide(k: KernelBuilder, index: Expr, size: number): Division | undefined {
  const { x } = k
  if (size === 1) return { quotient: index, remainder: x.constant(0) }
  const sum = termsOf(k, index)
  if (!sum || sum.constant < 0 || sum.terms.some(mayBeNegative)) return undefined
  const divisor = isPowerOfTwo(size) ? x.constant(size) : k.param(`divisor_${size}`, size)
  const whole: Expr[] = []
  const rest: Term[] = []
  for (const term of sum.terms) {
    const times = exactTimes(term, size)
    if (times !== undefined) whole.push(scaled(k, { ...term, ...times }))
    else if (multipleOf(k, term) % size === 0) whole.push(x.div(scaled(k, term), divisor))
    else rest.push(term)
  }
  const constant = sum.constant % size
  if (sum.isRun && ![size, constant, ...rest.map((t) => multipleOf(k, t))].every((n) => n % LANES === 0))
    return undefined
  const begin = rest.reduce((s, t) => x.add(s, scaled(k, t)), x.constant(constant))
  const last = rest.reduce((n, t) => n + mostOf(k, t), constant + (sum.isRun ? LANES - 1 : 0))
  const within = last < size
  const remainder = within ? begin : x.rem(begin, divisor)
  return {
    quotient: sumOf(k, Math.floor(sum.constant / size), within ? whole : [...whole, x.div(begin, divisor)]),
    remainder: sum.isRun ? x.ramp(remainder) : remainder,
  }
}

/** Parts of outer loops first, so that they are added up there; the constant last, where it costs nothing. */
function sumOf(k: KernelBuilder, constant: number, parts: readonly Expr[]): Expr {
  const { x } = k
  const [first, ...rest] = [...parts].sort((a, b) => a.depth - b.depth)
  const sum = first ? rest.reduce((s, e) => k.share(x.add(s, e), 'at'), k.share(first, 'at')) : x.constant(0)
  return x.add(sum, x.constant(constant))
}

/** `of` times a number, times a parameter. */
interface Term {
  readonly of: Expr
  readonly times: number
  readonly param?: Param
}

interface Param {
  readonly name: string
  readonly value: number
}

interface Sum {
  readonly constant: number
  readonly terms: readonly Term[]
  /** Is it four numbers in a row, of which this is the first? */
  readonly isRun: boolean
}

const mayBeNegative = ({ of, times, param }: Term): boolean =>
  times < 0 || (param !== undefined && param.value < 0) || (of.op === 'binary' && of.fn === '-')

const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0

function termsOf(k: KernelBuilder, e: Expr, times = 1): Sum | undefined {
  if (e.op === 'const') return { constant: e.value * times, terms: [], isRun: false }
  if (e.op === 'ramp') {
    const base = times === 1 ? termsOf(k, e.base) : undefined
    return base && { ...base, isRun: true }
  }
  if (e.op === 'binary' && e.fn === '+') {
    const [a, b] = [termsOf(k, e.a, times), termsOf(k, e.b, times)]
    if (!a || !b || (a.isRun && b.isRun)) return undefined
    return { constant: a.constant + b.constant, terms: [...a.terms, ...b.terms], isRun: a.isRun || b.isRun }
  }
  if (e.op === 'binary' && e.fn === '*' && e.b.op === 'const') return termsOf(k, e.a, times * e.b.value)
  const named = e.op === 'variable' ? k.meaningOf(e) : undefined
  const isSum = named?.op === 'ramp' || (named?.op === 'binary' && (named.fn === '+' || named.fn === '*'))
  if (isSum) return termsOf(k, named, times)
  if (e.lanes !== 1) return undefined
  if (e.op === 'binary' && e.fn === '*' && e.b.op === 'param') {
    const param = { name: e.b.name, value: k.valueOf(e.b.name) }
    return { constant: 0, terms: [{ of: e.a, times, param }], isRun: false }
  }
  return { constant: 0, terms: [{ of: e, times }], isRun: false }
}

/** The factors of what a term divided by a size is, where they take the division. */
function exactTimes({ times, param }: Term, size: number): Pick<Term, 'times' | 'param'> | undefined {
  if (times % size === 0) return { times: times / size }
  if (!param || (times * param.value) % size !== 0) return undefined
  const name = `${param.name}_${times}_by_${size}`
  return { times: 1, param: { name, value: (times * param.value) / size } }
}

function scaled(k: KernelBuilder, { of, times, param }: Term): Expr {
  const { x } = k
  const product = x.mul(of, x.constant(times))
  return param ? x.mul(product, k.param(param.name, param.value)) : product
}

const multipleOf = (k: KernelBuilder, { of, times, param }: Term): number =>
  times * (param?.value ?? 1) * divisorOf(k, of)

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** A number of which a scalar is surely a multiple; 0 is one of every number. */
function divisorOf(k: KernelBuilder, e: Expr): number {
  switch (e.op) {
    case 'const':
      return Math.abs(e.value)
    case 'param':
      return k.valueOf(e.name)
    case 'variable': {
      const loop = k.loopOf(e)
      if (loop) return gcd(divisorOf(k, loop.from), divisorOf(k, loop.step))
      const meaning = k.meaningOf(e)
      return meaning ? divisorOf(k, meaning) : 1
    }
    case 'binary':
      if (e.fn === '*') return divisorOf(k, e.a) * divisorOf(k, e.b)
      return ['+', '-', '%', 'min', 'max'].includes(e.fn) ? gcd(divisorOf(k, e.a), divisorOf(k, e.b)) : 1
    default:
      return 1
  }
}

const mostOf = (k: KernelBuilder, { of, times, param }: Term): number => times * (param?.value ?? 1) * greatest(k, of)

/** A bound of a scalar. */
function greatest(k: KernelBuilder, e: Expr): number {
  switch (e.op) {
    case 'const':
      return e.value
    case 'param':
      return k.valueOf(e.name)
    case 'variable': {
      const loop = k.loopOf(e)
      if (!loop) return Number.POSITIVE_INFINITY
      const [step, end] = [divisorOf(k, e), greatest(k, loop.to)]
      return step > 1 && end % step === 0 ? end - step : end - 1
    }
    default:
      return Number.POSITIVE_INFINITY
  }
}
