import { type Placement, type PlacementRules, placeIntervals } from './arenas.ts'
import { type Interval, liveIntervals, livenessBound } from './live-intervals.ts'
import type { Arena } from './program.ts'
import type { VirtualStep } from './virtual-steps.ts'

export interface MemoryPlan {
  readonly arenas: readonly Arena[]
  /** Bytes of all arenas. */
  readonly peak: number
  /** What one buffer for each value would take. */
  readonly unplanned: number
  /** The largest sum of bytes alive at one time: no plan can take less. */
  readonly livenessBound: number
  readonly intervals: readonly Interval[]
  readonly places: Placement['places']
}

export interface MemoryRules extends PlacementRules {
  /** All that a step binds of one buffer must be bound for reading, or all for writing; none is copied to itself. */
  readonly accessByBuffer: boolean
}

/** Gives every buffer without a place a part of an arena, shared by buffers whose lives do not overlap. */
export function planMemory(steps: readonly VirtualStep[], rules: MemoryRules): MemoryPlan {
  const intervals = liveIntervals(steps, rules.accessByBuffer)
  const bound = livenessBound(intervals)
  const { arenas, peak, places } = placeIntervals(intervals, bound, rules)
  for (const [{ buffer }, { arena, offset }] of places) {
    buffer.ref = { kind: 'arena', index: arena, offset, bytes: buffer.bytes }
  }
  return {
    arenas: arenas.map((bytes, arena) => ({
      bytes,
      largest: largestOf(intervals.filter((i) => places.get(i)?.arena === arena)),
    })),
    peak,
    unplanned: intervals.reduce((sum, i) => sum + i.buffer.bytes, 0),
    livenessBound: bound,
    intervals,
    places,
  }
}

const NAMED = 3

/** Names of the largest: what a person would make smaller. */
function largestOf(intervals: readonly Interval[]): string {
  const bySize = [...intervals].sort((a, b) => b.buffer.bytes - a.buffer.bytes)
  return [...new Set(bySize.map((i) => i.buffer.name))].slice(0, NAMED).join(', ')
}
