import type { VirtualBuffer, VirtualStep } from './virtual-steps.ts'

/** How long a temporary is needed, in positions of steps, both ends included. */
export interface Interval {
  readonly buffer: VirtualBuffer
  first: number
  last: number
  /** What must not lie in the same arena. */
  readonly apart: Set<Interval>
}

/** First and last step of every buffer that has no place yet, in order of the first. */
export function liveIntervals(steps: readonly VirtualStep[], copiesApart: boolean): Interval[] {
  const byBuffer = new Map<VirtualBuffer, Interval>()
  let position = 0
  const touch = (buffer: VirtualBuffer, first: number, last: number): void => {
    if (buffer.ref) return
    const known = byBuffer.get(buffer)
    if (!known) byBuffer.set(buffer, { buffer, first, last, apart: new Set() })
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
      if (step.isCopy && copiesApart) keepApart(step, byBuffer)
    }
  }
  walk(steps)
  return [...byBuffer.values()].sort((a, b) => a.first - b.first || b.buffer.bytes - a.buffer.bytes)
}

function keepApart({ buffers }: VirtualStep, byBuffer: ReadonlyMap<VirtualBuffer, Interval>): void {
  const [from, to] = buffers.map((b) => byBuffer.get(b))
  if (!from || !to) return
  from.apart.add(to)
  to.apart.add(from)
}

/** The largest sum of bytes alive at one time: no plan can take less. What is written in place is one buffer. */
export function livenessBound(intervals: readonly Interval[]): number {
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
