import type { Equation, Graph, Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import type { Group, Item, LoopItem } from './fusion.ts'
import { accessesOf, placeOf, type RowSpace, reducedRows } from './row-space.ts'

/**
 * Groups that walk the same rows, made one kernel: softmax, norms, losses and their derivatives are such chains, and
 * so is what an optimiser does to one parameter. The rule knows none of them by name: a group joins if it reads what
 * the others made only at the row, or the point, at which it works itself.
 */
export interface Cluster {
  readonly kind: 'cluster'
  /** Several stages for each row, or elementwise work alone. */
  readonly form: 'rows' | 'map'
  /** In the order in which they are computed, row by row. */
  readonly groups: readonly Group[]
  readonly space: RowSpace
  /** What others read, which alone gets a buffer. */
  readonly outputs: readonly Value[]
  readonly leaves: readonly Value[]
}

/** Joins groups where it can. The items keep an order in which everything is made before it is read. */
export function cluster(items: readonly Item[], graph: Graph, options: ClusterOptions): (Group | Cluster | LoopItem)[] {
  return new Joiner(items, graph, options).join()
}

export interface ClusterOptions {
  /** Most buffers that one kernel may use. */
  readonly maxBuffers: number
  /** Memory of a kernel's own for whole rows. What finds no room there and is read again lies in a buffer. */
  readonly keptBytes: number
}

const outputsOf = (item: Item): readonly Value[] => (item.kind === 'group' ? [item.root] : item.equation.outputs)
const readsOf = (item: Item): readonly Value[] => (item.kind === 'group' ? item.leaves : item.equation.inputs)

/** A cluster while it grows. */
interface Draft {
  readonly groups: Group[]
  /** Once a reduction is in it. */
  space: RowSpace | null
}

class Joiner {
  private readonly producer = new Map<Value, Equation>()
  private readonly madeBy = new Map<Value, Item>()
  private readonly readers = new Map<Value, Set<Item>>()
  private readonly draftOf = new Map<Item, Draft>()
  private readonly results: ReadonlySet<Value>
  private readonly position = new Map<Item, number>()

  constructor(
    private readonly items: readonly Item[],
    graph: Graph,
    private readonly options: ClusterOptions,
  ) {
    this.results = new Set(graph.outputs)
    for (const e of graph.equations) for (const v of e.outputs) this.producer.set(v, e)
    for (const [i, item] of items.entries()) {
      this.position.set(item, i)
      for (const v of outputsOf(item)) this.madeBy.set(v, item)
      for (const v of readsOf(item)) this.readers.set(v, (this.readers.get(v) ?? new Set()).add(item))
    }
  }

  join(): (Group | Cluster | LoopItem)[] {
    for (const item of this.items) if (item.kind === 'group' && canCluster(item)) this.place(item)
    return this.ordered()
  }

  /** Puts a group into the draft of what it reads, or of a neighbour that reads the same; else into one of its own. */
  private place(group: Group): void {
    const candidates = new Set<Draft>()
    for (const v of group.leaves) {
      const maker = this.madeBy.get(v)
      const draft = maker && this.draftOf.get(maker)
      if (draft) candidates.add(draft)
    }
    for (const v of group.leaves) {
      if (sizeOf(v.type.shape) !== sizeOf(group.root.type.shape)) continue
      for (const reader of this.readers.get(v) ?? []) {
        const draft = reader !== group ? this.draftOf.get(reader) : undefined
        if (draft) candidates.add(draft)
      }
    }
    for (const draft of candidates) {
      if (!this.fits(draft, group)) continue
      draft.groups.push(group)
      draft.space ??= reducedRows(group)
      this.draftOf.set(group, draft)
      return
    }
    this.draftOf.set(group, { groups: [group], space: reducedRows(group) })
  }

  private fits(draft: Draft, group: Group): boolean {
    const space = commonSpace(draft, group)
    if (!space || !placeOf(group.root, space)) return false
    const members = [...draft.groups, group]
    if (this.buffers(members) > this.options.maxBuffers) return false
    const made = new Set(draft.groups.map((g) => g.root))
    // What had no rows before must be walked in them now.
    const checked = draft.space ? [group] : members
    for (const member of checked) {
      const accesses = accessesOf(member, space, this.producer, this.isStored)
      for (const v of member.leaves) {
        if (!made.has(v)) continue
        const place = placeOf(v, space)
        if ([...(accesses.get(v) ?? [])].some((access) => access !== place)) return false
      }
    }
    return !this.dependsFromOutside(draft, group)
  }

  private isStored = (v: Value): boolean => this.madeBy.has(v) || !this.producer.has(v)

  private buffers(groups: readonly Group[]): number {
    const all = new Set<Value>()
    for (const g of groups) for (const v of [g.root, ...g.leaves]) all.add(v)
    return all.size
  }

  /** Does the group read something that is made outside of the draft from what is made in it? */
  private dependsFromOutside(draft: Draft, group: Group): boolean {
    const inside = new Set<Item>(draft.groups)
    const first = Math.min(...draft.groups.map((g) => this.position.get(g)!))
    const seen = new Set<Item>()
    const reaches = (item: Item): boolean => {
      if (inside.has(item)) return true
      // What ran before all of the draft, with all it was joined with, knows nothing of it.
      if (seen.has(item) || this.lastPosition(item) < first) return false
      seen.add(item)
      return this.makersOf(item).some(reaches)
    }
    return this.makersOf(group).some((maker) => !inside.has(maker) && reaches(maker))
  }

  /** What must run before an item: the makers of what it reads, and of what is read by those of its own draft. */
  private makersOf(item: Item): Item[] {
    const together: readonly Item[] = this.draftOf.get(item)?.groups ?? [item]
    return together.flatMap((i) => readsOf(i).flatMap((v) => this.madeBy.get(v) ?? []))
  }

  private lastPosition(item: Item): number {
    const together: readonly Item[] = this.draftOf.get(item)?.groups ?? [item]
    return Math.max(...together.map((i) => this.position.get(i)!))
  }

  private ordered(): (Group | Cluster | LoopItem)[] {
    const out: (Group | Cluster | LoopItem)[] = []
    const done = new Set<Item>()
    const visit = (item: Item): void => {
      if (done.has(item)) return
      const draft = this.draftOf.get(item)
      const together: readonly Item[] = draft?.groups ?? [item]
      for (const member of together) done.add(member)
      for (const maker of this.makersOf(item)) visit(maker)
      if (draft && draft.groups.length > 1) out.push(this.finish(draft))
      else out.push(item)
    }
    for (const item of this.items) visit(item)
    return out
  }

  private finish({ groups, space }: Draft): Cluster {
    const inside = new Set<Item>(groups)
    const made = new Set(groups.map((g) => g.root))
    const rows = space ?? { rows: 1, columns: sizeOf(groups[0]!.root.type.shape) }
    let room = Math.floor(this.options.keptBytes / (4 * rows.columns))
    const keeps = (v: Value): boolean =>
      placeOf(v, rows) === 'row' || space === null || (v.type.dtype === 'f32' && room-- > 0)
    const isOutput = (v: Value): boolean =>
      this.results.has(v) || [...(this.readers.get(v) ?? [])].some((reader) => !inside.has(reader)) || !keeps(v)
    return {
      kind: 'cluster',
      form: space ? 'rows' : 'map',
      groups,
      space: rows,
      outputs: groups.map((g) => g.root).filter(isOutput),
      leaves: [...new Set(groups.flatMap((g) => g.leaves))].filter((v) => !made.has(v)),
    }
  }
}

/** Rows are what threads share; with fewer than this, work over many columns is better shared otherwise. */
const LEAST_ROWS = 16
const FEW_POINTS = 4096
const isParallel = ({ rows, columns }: RowSpace): boolean => rows >= LEAST_ROWS || rows * columns <= FEW_POINTS

/** Elementwise work, and reductions of whole rows. */
const canCluster = (group: Group): boolean =>
  sizeOf(group.root.type.shape) > 0 && (group.hero === null || reducedRows(group) !== null)

/** The rows of both, if they agree; work without a reduction takes to any rows, or to none while all sizes are equal. */
function commonSpace(draft: Draft, group: Group): RowSpace | null {
  const own = reducedRows(group)
  if (draft.space && own) {
    return draft.space.rows === own.rows && draft.space.columns === own.columns ? own : null
  }
  const space = draft.space ?? own
  if (space) return isParallel(space) && draft.groups.every((g) => placeOf(g.root, space)) ? space : null
  const size = sizeOf(group.root.type.shape)
  return draft.groups.every((g) => sizeOf(g.root.type.shape) === size) ? { rows: 1, columns: size } : null
}
