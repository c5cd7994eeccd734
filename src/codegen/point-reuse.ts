import type { Value } from '../ir/graph.ts'
import type { Group } from './fusion.ts'
import { accessesOf, placeOf, type RowSpace } from './row-space.ts'
import type { ScheduleContext } from './schedule.ts'

/** What the groups of a row kernel read at the very point at which `v` is written, and in no later group. */
export function pointsOver(
  v: Value,
  groups: readonly Group[],
  space: RowSpace,
  context: ScheduleContext,
): readonly Value[] {
  if (placeOf(v, space) !== 'point') return []
  const own = groups.findIndex((g) => g.root === v)
  const made = new Set(groups.map((g) => g.root))
  const later = new Set(groups.slice(own + 1).flatMap((g) => g.leaves))
  const leaves = [...new Set(groups.flatMap((g) => g.leaves))].filter((leaf) => !made.has(leaf) && !later.has(leaf))
  const accesses = groups.map((g) => accessesOf(g, space, context.producer, (u) => context.stored(u)))
  return leaves.filter((leaf) =>
    accesses.every((found) => [...(found.get(leaf) ?? [])].every((access) => access === 'point')),
  )
}
