import type { Equation, Graph, Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import { type Group, type Item, type LoopItem, madeBy, readBy } from './fusion.ts'
import { KernelOrder } from './kernel-order.ts'
import { accessesOf, placeOf, type RowSpace, reducedRows } from './row-space.ts'

/**
 * Groups that walk the same rows or elements, made one kernel: softmax, norms, losses and their derivatives are such
 * chains, and so is what an optimiser does to one parameter, which goes on where the product ends that makes its
 * gradient. The rule knows none of them by name: a group joins if it reads what the others made only at the row, or
 * the point, at which it works itself.
 */
export interface Cluster {
  readonly kind: 'cluster'
  /** Several stages for each row; elementwise work alone; or that on what one hero makes, the first group's. */
  readonly form: 'rows' | 'map' | 'epilogue'
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
  /** May elementwise work go on where a product or a reduction ends? */
  readonly joinsHeroes: boolean
  /** Is this an input of the graph whose buffer results may take? */
  given(v: Value): boolean
}

/** A cluster while it grows. */
interface Draft {
  readonly groups: Group[]
  /** Once a reduction of rows is in it. */
  space: RowSpace | null
  /** Does it begin with a hero, and have elementwise work on its result alone? */
  readonly headed: boolean
}

class Joiner {
  private readonly producer = new Map<Value, Equation>()
  private readonly maker = new Map<Value, Item>()
  private readonly readers = new Map<Value, Set<Item>>()
  private readonly draftOf = new Map<Item, Draft>()
  private readonly results: ReadonlySet<Value>
  private readonly order: KernelOrder<Item>

  constructor(
    items: readonly Item[],
    graph: Graph,
    private readonly options: ClusterOptions,
  ) {
    this.results = new Set(graph.outputs)
    for (const e of graph.equations) for (const v of e.outputs) this.producer.set(v, e)
    for (const item of items) {
      for (const v of madeBy(item)) this.maker.set(v, item)
      for (const v of readBy(item)) this.readers.set(v, (this.readers.get(v) ?? new Set()).add(item))
    }
    this.order = new KernelOrder(items, (item) => readBy(item).flatMap((v) => this.maker.get(v) ?? []))
    for (const item of items) if (item.kind === 'group') this.place(item)
  }

  join(): (Group | Cluster | LoopItem)[] {
    return this.order.ordered().map(({ items }) => {
      const draft = this.draftOf.get(items[0]!)
      return draft && draft.groups.length > 1 ? this.finish(draft) : items[0]!
    })
  }

  /** Puts a group into the draft of what it reads, or of a neighbour that reads the same; else into one of its own. */
  private place(group: Group): void {
    if (sizeOf(group.root.type.shape) === 0) return
    if (this.options.joinsHeroes && isHead(group))
      this.draftOf.set(group, { groups: [group], space: null, headed: true })
    if (group.hero !== null && !reducedRows(group)) return
    for (const draft of this.candidates(group)) {
      const members = [...draft.groups, group]
      const joins = this.fits(draft, group) && this.binds(members, draft) && this.order.join(draft.groups[0]!, group)
      if (!joins) continue
      draft.groups.push(group)
      draft.space ??= reducedRows(group)
      this.draftOf.set(group, draft)
      for (const reader of this.overwritten(members).flatMap((v) => this.otherReaders(v, members))) {
        this.order.precede(reader, group)
      }
      return
    }
    this.draftOf.set(group, { groups: [group], space: reducedRows(group), headed: false })
  }

  private candidates(group: Group): Set<Draft> {
    const candidates = new Set<Draft>()
    for (const v of group.leaves) {
      const maker = this.maker.get(v)
      const draft = maker && this.draftOf.get(maker)
      if (draft) candidates.add(draft)
    }
    for (const v of group.leaves) {
      if (sizeOf(v.type.shape) !== sizeOf(group.root.type.shape)) continue
      for (const reader of this.readers.get(v) ?? []) {
        const draft = reader !== group ? this.draftOf.get(reader) : undefined
        if (draft && !draft.headed) candidates.add(draft)
      }
    }
    return candidates
  }

  private fits(draft: Draft, group: Group): boolean {
    const space = commonSpace(draft, group)
    if (!space || !placeOf(group.root, space)) return false
    const made = new Set(draft.groups.map((g) => g.root))
    // What had no rows before must be walked in them now.
    const checked = draft.space ? [group] : [...draft.groups, group]
    return checked.every((member) => {
      const accesses = accessesOf(member, space, this.producer, this.isStored)
      return member.leaves.every(
        (v) => !made.has(v) || [...(accesses.get(v) ?? [])].every((access) => access === placeOf(v, space)),
      )
    })
  }

  private isStored = (v: Value): boolean => this.maker.has(v) || !this.producer.has(v)

  /** Has a kernel of these groups few enough buffers? */
  private binds(members: readonly Group[], draft: Draft): boolean {
    const all = new Set(members.flatMap((g) => [g.root, ...g.leaves]))
    if (all.size <= this.options.maxBuffers) return true
    if (draft.space || members.some((g) => reducedRows(g))) return false
    const unstored = members.filter((g) => !this.isRead(g.root, members)).length
    const inPlace = this.overwritten(members).length
    return all.size - unstored - inPlace <= this.options.maxBuffers
  }

  /** Is this a result, or read by others than these? */
  private isRead(v: Value, members: readonly Item[]): boolean {
    return this.results.has(v) || this.otherReaders(v, members).length > 0
  }

  private otherReaders(v: Value, members: readonly Item[]): Item[] {
    return [...(this.readers.get(v) ?? [])].filter((reader) => !members.includes(reader))
  }

  /**
   * Inputs whose buffers results of elementwise work take: each is read only where the result is written, and its
   * other readers can come first.
   */
  private overwritten(members: readonly Group[]): Value[] {
    const space = { rows: 1, columns: sizeOf(members[0]!.root.type.shape) }
    const kindOf = ({ type }: Value): string => `${type.dtype} ${sizeOf(type.shape)}`
    const wanted = members
      .map((g) => g.root)
      .filter((v) => this.results.has(v))
      .map(kindOf)
    const taken: Value[] = []
    for (const v of new Set(members.flatMap((g) => g.leaves))) {
      const at = wanted.indexOf(kindOf(v))
      if (at < 0 || !this.options.given(v) || this.results.has(v)) continue
      const atPoints = members.every((g) => {
        const accesses = g.leaves.includes(v) ? accessesOf(g, space, this.producer, this.isStored).get(v) : undefined
        return [...(accesses ?? [])].every((access) => access === 'point')
      })
      const readers = this.otherReaders(v, members)
      if (!atPoints || !readers.every((r) => members.every((m) => this.order.mayPrecede(r, m)))) continue
      wanted.splice(at, 1)
      taken.push(v)
    }
    return taken
  }

  private finish({ groups, space, headed }: Draft): Cluster {
    const made = new Set(groups.map((g) => g.root))
    const rows = space ?? { rows: 1, columns: sizeOf(groups[0]!.root.type.shape) }
    let room = Math.floor(this.options.keptBytes / (4 * rows.columns))
    const keeps = (v: Value): boolean =>
      placeOf(v, rows) === 'row' || space === null || (v.type.dtype === 'f32' && room-- > 0)
    return {
      kind: 'cluster',
      form: headed ? 'epilogue' : space ? 'rows' : 'map',
      groups,
      space: rows,
      outputs: groups.map((g) => g.root).filter((v) => this.isRead(v, groups) || !keeps(v)),
      leaves: [...new Set(groups.flatMap((g) => g.leaves))].filter((v) => !made.has(v)),
    }
  }
}

/** Rows are what threads share; with fewer than this, work over many columns is better shared otherwise. */
const LEAST_ROWS = 16
const FEW_POINTS = 4096
const isParallel = ({ rows, columns }: RowSpace): boolean => rows >= LEAST_ROWS || rows * columns <= FEW_POINTS

/** Whose schedules can do several things with each result. */
const isHead = (group: Group): boolean =>
  group.hero?.prim.kind === 'contract' || (group.hero?.prim.kind === 'reduce' && !reducedRows(group))

/** The rows of both, if they agree; work without a reduction takes to any rows, or to none while all sizes are equal. */
function commonSpace(draft: Draft, group: Group): RowSpace | null {
  const own = reducedRows(group)
  if (draft.headed && own) return null
  if (draft.space && own) {
    return draft.space.rows === own.rows && draft.space.columns === own.columns ? own : null
  }
  const space = draft.space ?? own
  if (space) return isParallel(space) && draft.groups.every((g) => placeOf(g.root, space)) ? space : null
  const size = sizeOf(group.root.type.shape)
  return draft.groups.every((g) => sizeOf(g.root.type.shape) === size) ? { rows: 1, columns: size } : null
}
