import type { KernelBuilder } from './kernel-builder.ts'
import type { Expr } from './kernel-ir.ts'

/** A number times the product of some factors. */
interface Term {
  /** 1 where it is made of factors alone. */
  readonly of: Expr | null
  readonly factors: readonly Expr[]
}

/**
 * total + the sum of left[u] * right[u], where what several of the right ones have as a factor multiplies once what is
 * summed without it: sum of x * (q * s) is s * sum of x * q. All are f32.
 */
export function addProducts(k: KernelBuilder, total: Expr, left: readonly Expr[], right: readonly Expr[]): Expr {
  const { x } = k
  const expanded = right.map((e) => expand(k, e))
  const common = repeated(expanded.map((terms) => new Set(terms.flat())))
  const sums = new Map<string, { readonly factors: readonly Expr[]; sum: Expr | null }>()
  expanded.forEach((products, u) => {
    for (const product of products) {
      const { of, factors } = termOf(k, product, common)
      const key = factors.map((f) => f.id).join(' ')
      const known = sums.get(key) ?? { factors, sum: null }
      sums.set(key, known)
      known.sum = of === null ? plus(k, known.sum, left[u]!) : timesPlus(k, left[u]!, of, known.sum)
    }
  })
  return [...sums.values()].reduce(
    (all, { factors, sum }) =>
      factors.length === 0 ? x.add(all, sum!) : x.fma(k.share(product(k, factors)!, 'factor'), sum!, all),
    total,
  )
}

/** A sum of products, as which arithmetic on f32 is read: the factors of each. */
function expand(k: KernelBuilder, e: Expr): readonly (readonly Expr[])[] {
  const made = e.op === 'variable' ? (k.meaningOf(e) ?? e) : e
  if (made.op !== 'prim' || made.dtype !== 'f32') return [[e]]
  const [a, b] = made.args
  switch (made.prim.arithmetic) {
    case 'sum':
      return [...expand(k, a!), ...expand(k, b!)]
    case 'product':
      return expand(k, a!).flatMap((p) => expand(k, b!).map((q) => [...p, ...q]))
    default:
      return [[e]]
  }
}

function repeated(sets: readonly ReadonlySet<Expr>[]): ReadonlySet<Expr> {
  const seen = new Set<Expr>()
  const twice = new Set<Expr>()
  for (const e of sets.flatMap((set) => [...set])) (seen.has(e) ? twice : seen).add(e)
  return twice
}

function termOf(k: KernelBuilder, factors: readonly Expr[], common: ReadonlySet<Expr>): Term {
  return {
    of: product(
      k,
      factors.filter((f) => !common.has(f)),
    ),
    factors: factors.filter((f) => common.has(f)),
  }
}

function product({ x }: KernelBuilder, factors: readonly Expr[]): Expr | null {
  const [first, ...rest] = factors
  return first ? rest.reduce((p, f) => x.mul(p, f), first) : null
}

const plus = ({ x }: KernelBuilder, sum: Expr | null, e: Expr): Expr => (sum ? x.add(sum, e) : e)
const timesPlus = ({ x }: KernelBuilder, a: Expr, b: Expr, sum: Expr | null): Expr =>
  sum ? x.fma(a, b, sum) : x.mul(a, b)
