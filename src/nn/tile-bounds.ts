import { NOTHING_KNOWN } from '../ir/element-ops.ts'
import type { Graph, Value } from '../ir/graph.ts'
import {
  add,
  and,
  cast,
  div,
  eq,
  ge,
  gt,
  iota,
  le,
  lt,
  max,
  maximum,
  min,
  minimum,
  mul,
  neg,
  not,
  or,
  pad,
  reshape,
  sub,
  take,
  where,
} from '../ir/ops.ts'
import type { ElementOps } from '../ir/prim.ts'
import { rawOps } from '../ir/raw-ops.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { bind } from '../ir/trace.ts'

/**
 * Interval arithmetic over the scalar graph of a variant: which tiles of queries and keys its masks may allow anything
 * in. A position becomes the interval of positions of a tile, a captured tensor the least and the greatest of its
 * elements there. What cannot be bounded may be anything, so that a tile is never skipped wrongly.
 */

/** All values lie within low and high, for every tile: tensors that broadcast to [B,H,Iq,Ik]; i32 or both bool. */
interface Bounds {
  readonly low: Tensor
  readonly high: Tensor
  /** high - low is at most this, for every tile. */
  readonly width: number
}
type Known = Bounds | undefined

export interface ScoreSizes {
  readonly batch: number
  readonly head: number
  readonly query: number
  readonly key: number
}

/**
 * bool [B|1,H|1,Iq|1,Ik|1] for `score` (see `AttentionAttrs`), its captured tensors, and tiles of `tile` queries by
 * `tile` keys: false where every mask forbids the whole tile.
 */
export function possibleTiles(score: Graph, captures: readonly Tensor[], sizes: ScoreSizes, tile: number): Tensor {
  const known = new Map<Value, Known>()
  const fixed = new Map<Value, Tensor>()
  const [, batch, head, query, key, ...captured] = score.inputs
  known.set(batch!, exactly(iota([sizes.batch, 1, 1, 1], 0)))
  known.set(head!, exactly(iota([1, sizes.head, 1, 1], 1)))
  known.set(query!, tilesOf(sizes.query, tile, 2))
  known.set(key!, tilesOf(sizes.key, tile, 3))
  captured.forEach((v, i) => fixed.set(v, captures[i]!))

  const boundsOf = (v: Value): Known => {
    const value = fixed.get(v)
    if (!value) return known.get(v)
    return value.rank === 0 && isDiscrete(value) ? exactly(reshape(value, [1, 1, 1, 1])) : undefined
  }
  for (const e of score.equations) {
    const tensors = e.inputs.map((v) => fixed.get(v))
    const [out] = e.outputs
    if (tensors.every(isTensor)) {
      bind(e.prim, tensors, e.attrs, e.source).forEach((t, i) => fixed.set(e.outputs[i]!, t))
    } else if (e.prim.kind === 'elementwise') {
      const args = e.inputs.map(boundsOf)
      const bounds = e.prim.apply(BOUNDS, args)
      known.set(out!, bounds && converted(bounds, out!.type.dtype))
    } else if (e.prim.kind === 'index' && tensors[0]?.rank === 1 && e.inputs[1]!.type.shape.length === 0) {
      known.set(out!, lookedUp(tensors[0], boundsOf(e.inputs[1]!), tile))
    } else if (e.prim.kind === 'reshape' && out!.type.shape.length === 0) {
      known.set(out!, boundsOf(e.inputs[0]!))
    }
  }
  const allowed = score.outputs.filter((_, i) => i % 2 === 1).map((v) => boundsOf(v)?.high ?? always())
  return allowed.reduce((a, b) => or(a, b))
}

const always = (): Tensor => rawOps.full('bool', [1, 1, 1, 1], 1)
const isDiscrete = (t: Tensor): boolean => t.dtype === 'i32' || t.dtype === 'bool'
const exactly = (t: Tensor): Bounds => ({ low: t, high: t, width: 0 })

/** Positions 0 .. count-1 along `axis`, tile by tile. */
function tilesOf(count: number, tile: number, axis: number): Bounds {
  const shape = [1, 1, 1, 1]
  shape[axis] = Math.ceil(count / tile)
  const low = mul(iota(shape, axis), tile)
  return { low, high: minimum(add(low, tile - 1), count - 1), width: tile - 1 }
}

/** A scalar graph casts bools to i32; other conversions are not followed. */
function converted(bounds: Bounds, dtype: Tensor['dtype']): Known {
  if (bounds.low.dtype === dtype) return bounds
  if (bounds.low.dtype !== 'bool' || dtype !== 'i32') return undefined
  return { low: cast(bounds.low, 'i32'), high: cast(bounds.high, 'i32'), width: 1 }
}

/** The extremes of table[i] over the indices within bounds, clamped as `take` does. */
function lookedUp(table: Tensor, at: Known, tile: number): Known {
  if (!isDiscrete(table)) return undefined
  const last = table.size - 1
  const range = at && BOUNDS.min(BOUNDS.max(at, exactly(number(0))), exactly(number(last)))
  if (range?.width === 0) return exactly(take(table, range.low))
  const numbers = cast(table, 'i32')
  const bounds =
    range && range.width <= 4 * tile
      ? summarised(numbers, range, tile)
      : { low: reshape(min(numbers), [1, 1, 1, 1]), high: reshape(max(numbers), [1, 1, 1, 1]), width: Infinity }
  return table.dtype === 'i32' ? bounds : { low: gt(bounds.low, 0), high: gt(bounds.high, 0), width: 1 }
}

/** By the extremes of blocks of the table, as long as a tile: of every block that the indices may touch. */
function summarised(table: Tensor, { low, high, width }: Bounds, block: number): Bounds {
  const blocks = Math.ceil(table.size / block)
  const padding = blocks * block - table.size
  const rows = (fill: number): Tensor => reshape(pad(table, [0], [padding], { value: fill }), [blocks, block])
  const least = min(rows(2147483647), 1)
  const greatest = max(rows(-2147483648), 1)
  const [first, last] = [div(low, block), div(high, block)]
  const touched = Array.from({ length: Math.ceil(width / block) + 1 }, (_, i) => minimum(add(first, i), last))
  return {
    low: touched.map((b) => take(least, b)).reduce((a, b) => minimum(a, b)),
    high: touched.map((b) => take(greatest, b)).reduce((a, b) => maximum(a, b)),
    width: Infinity,
  }
}

const number = (n: number): Tensor => rawOps.full('i32', [1, 1, 1, 1], n)
const isBool = ({ low }: Bounds): boolean => low.dtype === 'bool'
const asNumbers = (x: Bounds): Bounds => converted(x, 'i32') ?? x

/** Applies a rule where all operands are bounded. */
const given =
  <A extends readonly Bounds[]>(rule: (...args: A) => Known) =>
  (...args: { [K in keyof A]: Known }): Known =>
    args.every((a) => a !== undefined && (a.low.dtype === 'i32' || a.low.dtype === 'bool'))
      ? rule(...(args as unknown as A))
      : undefined

const choice = (low: Tensor, high: Tensor): Bounds => ({ low, high, width: 1 })

/** From the surest and the loosest reading of a comparison of numbers. */
const compare = (surely: (a: Bounds, b: Bounds) => Tensor, maybe: (a: Bounds, b: Bounds) => Tensor) =>
  given((a: Bounds, b: Bounds) => {
    const [x, y] = [asNumbers(a), asNumbers(b)]
    return choice(surely(x, y), maybe(x, y))
  })

const equal = compare(
  (a, b) => and(eq(a.low, b.high), eq(a.high, b.low)),
  (a, b) => and(le(a.low, b.high), le(b.low, a.high)),
)
const inverse = given((x: Bounds) => (isBool(x) ? choice(not(x.high), not(x.low)) : undefined))
const both = given((a: Bounds, b: Bounds) => (isBool(a) ? choice(and(a.low, b.low), and(a.high, b.high)) : undefined))
const either = given((a: Bounds, b: Bounds) => (isBool(a) ? choice(or(a.low, b.low), or(a.high, b.high)) : undefined))

const extreme = (pick: (a: Tensor, b: Tensor) => Tensor) =>
  given((a: Bounds, b: Bounds) =>
    isBool(a) ? undefined : { low: pick(a.low, b.low), high: pick(a.high, b.high), width: Math.max(a.width, b.width) },
  )

const BOUNDS: ElementOps<Known, Known> = {
  ...NOTHING_KNOWN,
  add: given((a: Bounds, b: Bounds) => ({
    low: add(a.low, b.low),
    high: add(a.high, b.high),
    width: a.width + b.width,
  })),
  sub: given((a: Bounds, b: Bounds) => ({
    low: sub(a.low, b.high),
    high: sub(a.high, b.low),
    width: a.width + b.width,
  })),
  mul: given((a: Bounds, b: Bounds) => {
    const [x, y] = a.width === 0 ? [b, a] : [a, b]
    if (y.width !== 0) return undefined
    const [p, q] = [mul(x.low, y.low), mul(x.high, y.low)]
    return { low: minimum(p, q), high: maximum(p, q), width: x.width === 0 ? 0 : Infinity }
  }),
  max: extreme(maximum),
  min: extreme(minimum),
  neg: given((x: Bounds) => ({ low: neg(x.high), high: neg(x.low), width: x.width })),
  lt: compare(
    (a, b) => lt(a.high, b.low),
    (a, b) => lt(a.low, b.high),
  ),
  le: compare(
    (a, b) => le(a.high, b.low),
    (a, b) => le(a.low, b.high),
  ),
  gt: compare(
    (a, b) => gt(a.low, b.high),
    (a, b) => gt(a.high, b.low),
  ),
  ge: compare(
    (a, b) => ge(a.low, b.high),
    (a, b) => ge(a.high, b.low),
  ),
  eq: equal,
  ne: (a, b) => inverse(equal(a, b)),
  and: both,
  or: either,
  not: inverse,
  same: (x) => x,
  cast: (x) => x,
  select: (condition, a, b) => {
    if (!a || !b || isBool(a) !== isBool(b)) return undefined
    const [low, high] = isBool(a)
      ? [and(a.low, b.low), or(a.high, b.high)]
      : [minimum(a.low, b.low), maximum(a.high, b.high)]
    if (!condition) return { low, high, width: Infinity }
    const decided = (first: Tensor, second: Tensor, open: Tensor): Tensor =>
      where(condition.low, first, where(condition.high, open, second))
    return { low: decided(a.low, b.low, low), high: decided(a.high, b.high, high), width: Infinity }
  },
}
