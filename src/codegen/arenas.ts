import type { Interval } from './live-intervals.ts'

/** What a device asks of the places of temporaries. */
export interface PlacementRules {
  /** Offsets are multiples of this. */
  readonly alignment: number
  /** No arena may be larger. */
  readonly mostBytes: number
}

/** Where a temporary lies: so many bytes into an arena. */
export interface Place {
  readonly arena: number
  readonly offset: number
}

export interface Placement {
  /** Bytes of each arena. */
  readonly arenas: readonly number[]
  /** Bytes of all arenas. */
  readonly peak: number
  readonly places: ReadonlyMap<Interval, Place>
}

type Order = (a: Interval, b: Interval) => number

const duration = (i: Interval): number => i.last - i.first + 1
const byStart: Order = (a, b) => a.first - b.first
const bySize: Order = (a, b) => b.buffer.bytes - a.buffer.bytes || duration(b) - duration(a) || byStart(a, b)
const byDuration: Order = (a, b) => duration(b) - duration(a) || bySize(a, b)
const byArea: Order = (a, b) => b.buffer.bytes * duration(b) - a.buffer.bytes * duration(a) || bySize(a, b)

/** Which of them leaves the fewest gaps depends on the graph. */
const ORDERS: readonly Order[] = [bySize, byArea, byStart, byDuration]

/** A plan so near to the bound is not improved further. */
const NEAR = 1.005

/** How often an order is mended. */
const ROUNDS = 16

/** Pairs of intervals that may be looked at: some 40 ms. Of thousands of intervals, fewer orders are tried. */
const MOST_PAIRS = 4_000_000

/**
 * Gives every interval a part of an arena, such that no two that are alive at one time overlap. Greedy, in several
 * orders; then those that came to lie too high go first, and all are placed again.
 * Source: Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference (arXiv:2001.03288), section 5.
 */
export function placeIntervals(intervals: readonly Interval[], bound: number, rules: PlacementRules): Placement {
  let best: Placement = { arenas: [], peak: Number.POSITIVE_INFINITY, places: new Map() }
  let pairs = 0
  for (const order of ORDERS) {
    let list = [...intervals].sort(order)
    for (let round = 0; round < ROUNDS; round++) {
      const { placement, high } = placeInOrder(list, NEAR * bound, rules)
      if (placement.peak < best.peak) best = placement
      pairs += intervals.length ** 2 / 2
      if (best.peak <= NEAR * bound || pairs > MOST_PAIRS) return best
      if (high.size === 0) break
      list = [...high, ...list.filter((i) => !high.has(i))]
    }
  }
  return best
}

/** An arena while it is filled. */
interface Filling {
  bytes: number
  /** In the order of their offsets. */
  readonly placed: Placed[]
}

interface Placed {
  readonly first: number
  readonly last: number
  readonly offset: number
  readonly end: number
}

/** Each where the arenas grow least. `high` are those that found no place within `bound`. */
function placeInOrder(
  intervals: readonly Interval[],
  bound: number,
  { alignment, mostBytes }: PlacementRules,
): { readonly placement: Placement; readonly high: ReadonlySet<Interval> } {
  const arenas: Filling[] = []
  const places = new Map<Interval, Place>()
  const high = new Set<Interval>()
  for (const interval of intervals) {
    const size = Math.ceil(interval.buffer.bytes / alignment) * alignment
    const closed = new Set([...interval.apart].map((other) => places.get(other)?.arena))
    let best: Gap & { readonly arena: number } = { arena: arenas.length, offset: 0, growth: size, top: 0 }
    let tops = 0
    for (const [arena, filling] of arenas.entries()) {
      const gap = findGap(filling, interval, size)
      tops += gap.top
      const possible = !closed.has(arena) && gap.offset + size <= mostBytes
      if (possible && (gap.growth < best.growth || best.arena === arenas.length)) best = { ...gap, arena }
    }
    if (best.arena === arenas.length) arenas.push({ bytes: 0, placed: [] })
    const filling = arenas[best.arena]!
    const end = best.offset + size
    const { first, last } = interval
    filling.placed.splice(positionOf(best.offset, filling), 0, { first, last, offset: best.offset, end })
    filling.bytes = Math.max(filling.bytes, end)
    places.set(interval, { arena: best.arena, offset: best.offset })
    if (tops - best.top + Math.max(best.top, end) > bound) high.add(interval)
  }
  const bytes = arenas.map((arena) => arena.bytes)
  return { placement: { arenas: bytes, peak: bytes.reduce((a, b) => a + b, 0), places }, high }
}

interface Gap {
  readonly offset: number
  /** By how much the arena must grow. */
  readonly growth: number
  /** Where the last of what is alive at the same time ends. */
  readonly top: number
}

/** The smallest gap between what is alive at the same time; failing that, the room behind the last of it. */
function findGap({ placed, bytes }: Filling, { first, last }: Interval, size: number): Gap {
  let top = 0
  let offset = -1
  let smallest = Number.POSITIVE_INFINITY
  for (const other of placed) {
    if (other.first > last || other.last < first) continue
    const gap = other.offset - top
    if (gap >= size && gap < smallest) {
      smallest = gap
      offset = top
    }
    top = Math.max(top, other.end)
  }
  const room = bytes - top
  if (room >= size && room < smallest) offset = top
  return offset < 0 ? { offset: top, growth: Math.max(0, size - room), top } : { offset, growth: 0, top }
}

function positionOf(offset: number, { placed }: Filling): number {
  const behind = placed.findIndex((other) => other.offset > offset)
  return behind < 0 ? placed.length : behind
}
