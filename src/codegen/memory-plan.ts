import type { BufferRef, Step } from './program.ts'

/**
 * A buffer while a program is lowered. It ends as an input, an output, a constant, or a share of a temporary slot.
 */
export interface VirtualBuffer {
  readonly id: number
  readonly bytes: number
  readonly name: string
  /** Where it lives, once known; null until the plan gives it a slot. */
  ref: BufferRef | null
  /** May a kernel overwrite it when nothing reads it any more? */
  readonly writable: boolean
}

/** A step that still speaks of virtual buffers. */
export interface VirtualStep {
  readonly buffers: readonly VirtualBuffer[]
  /** Steps repeated by a loop. */
  readonly body?: readonly VirtualStep[]
  /** The final step, once every buffer has a place. */
  resolve(place: (b: VirtualBuffer) => BufferRef, body: readonly Step[]): Step
}

export interface MemoryPlan {
  readonly slots: readonly number[]
  /** Bytes of all slots. */
  readonly peak: number
  /** What one buffer for each value would take. */
  readonly unplanned: number
  /** The largest sum of bytes alive at one time: no plan can take less. */
  readonly livenessBound: number
  readonly intervals: readonly Interval[]
}

export interface Interval {
  readonly buffer: VirtualBuffer
  first: number
  last: number
  slot: number
}

/** Gives every buffer without a place a slot, shared by buffers whose lives do not overlap. */
export function planMemory(steps: readonly VirtualStep[]): MemoryPlan {
  const intervals = liveIntervals(steps)
  const slots: number[] = []
  const freeFrom: number[] = []
  for (const interval of intervals) {
    interval.slot = chooseSlot(interval, slots, freeFrom)
    slots[interval.slot] = Math.max(slots[interval.slot] ?? 0, interval.buffer.bytes)
    freeFrom[interval.slot] = interval.last + 1
    interval.buffer.ref = { kind: 'slot', index: interval.slot }
  }
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)
  return {
    slots,
    peak: sum(slots),
    unplanned: sum(intervals.map((i) => i.buffer.bytes)),
    livenessBound: livenessBound(intervals),
    intervals,
  }
}

/** The free slot that fits best; failing that the largest free one, which grows; failing that a new one. */
function chooseSlot(wanted: Interval, slots: readonly number[], freeFrom: readonly number[]): number {
  let best = -1
  slots.forEach((bytes, slot) => {
    if (freeFrom[slot]! > wanted.first) return
    const current = best < 0 ? -1 : slots[best]!
    const fits = bytes >= wanted.buffer.bytes
    const better = current >= wanted.buffer.bytes ? fits && bytes < current : fits || bytes > current
    if (best < 0 || better) best = slot
  })
  return best < 0 ? slots.length : best
}

/** First and last step of every buffer that needs a slot, in order of the first. */
function liveIntervals(steps: readonly VirtualStep[]): Interval[] {
  const byBuffer = new Map<VirtualBuffer, Interval>()
  let position = 0
  const touch = (buffer: VirtualBuffer, first: number, last: number): void => {
    if (buffer.ref) return
    const known = byBuffer.get(buffer)
    if (!known) byBuffer.set(buffer, { buffer, first, last, slot: -1 })
    else {
      known.first = Math.min(known.first, first)
      known.last = Math.max(known.last, last)
    }
  }
  const walk = (list: readonly VirtualStep[]): void => {
    for (const step of list) {
      const start = position++
      if (step.body) walk(step.body)
      // What a loop step itself names lives across its iterations, and so through the whole of it.
      const end = step.body ? position++ : start
      for (const b of step.buffers) touch(b, start, end)
    }
  }
  walk(steps)
  return [...byBuffer.values()].sort((a, b) => a.first - b.first || b.buffer.bytes - a.buffer.bytes)
}

function livenessBound(intervals: readonly Interval[]): number {
  const changes = new Map<number, number>()
  for (const { first, last, buffer } of intervals) {
    changes.set(first, (changes.get(first) ?? 0) + buffer.bytes)
    changes.set(last + 1, (changes.get(last + 1) ?? 0) - buffer.bytes)
  }
  let live = 0
  let bound = 0
  for (const at of [...changes.keys()].sort((a, b) => a - b)) {
    live += changes.get(at)!
    bound = Math.max(bound, live)
  }
  return bound
}
