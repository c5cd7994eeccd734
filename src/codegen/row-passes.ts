import type { Value } from '../ir/graph.ts'
import type { Group } from './fusion.ts'
import { placeOf, type RowSpace } from './row-space.ts'

/** What is done in one walk over the columns of a row. */
export interface RowPass {
  /** At every point: elementwise work, and folding into totals. */
  readonly points: readonly Group[]
  /** Once the totals are known: work on what there is one of for the row. */
  readonly ends: readonly Group[]
}

/** Groups as few passes as their order allows: one begins where the end of another is needed at every point. */
export function rowPasses(groups: readonly Group[], space: RowSpace): RowPass[] {
  const passes: { points: Group[]; ends: Group[] }[] = []
  let known = new Set<Value>()
  for (const group of groups) {
    const atPoints = group.hero !== null || placeOf(group.root, space) === 'point'
    let pass = passes.at(-1)
    if (!pass || (atPoints && group.leaves.some((v) => known.has(v)))) {
      pass = { points: [], ends: [] }
      passes.push(pass)
      known = new Set()
    }
    if (atPoints) pass.points.push(group)
    else pass.ends.push(group)
    if (placeOf(group.root, space) !== 'point') known.add(group.root)
  }
  return passes
}
