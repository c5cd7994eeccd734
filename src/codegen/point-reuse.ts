import type { Value } from '../ir/graph.ts'
import type { Group } from './fusion.ts'
import { accessesOf, placeOf, type RowSpace } from './row-space.ts'
import type { ScheduleContext } from './schedule.ts'

/** For what a row kernel writes: what its groups read at the very point at which it is written, and in no later group. */
export function pointsOver(
  groups: readonly Group[],
  space: RowSpace,
  context: ScheduleContext,
): (v: Value) => readonly Value[] {
  const made = new Set(groups.map((g) => g.root))
  const accesses = groups.map((g) => accessesOf(g, space, context.producer, (u) => context.stored(u)))
  const atPoints = [...new Set(groups.flatMap((g) => g.leaves))].filter(
    (leaf) =>
      !made.has(leaf) && accesses.every((found) => [...(found.get(leaf) ?? [])].every((access) => access === 'point')),
  )
  return (v) => {
    if (placeOf(v, space) !== 'point') return []
    const own = groups.findIndex((g) => g.root === v)
    const later = new Set(groups.slice(own + 1).flatMap((g) => g.leaves))
    return atPoints.filter((leaf) => !later.has(leaf))
  }
}
