import type { Equation, Graph, Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import { affineAccess } from './affine.ts'

/**
 * Fusion: which values are stored, and which are computed where they are read. A group is one stored value with
 * everything computed on the way to it: at most one hero (reduction, product, running sum, update), what feeds it,
 * and elementwise work on its result. Every stored value has a reason, which `explain` shows.
 */
export interface Group {
  readonly kind: 'group'
  readonly root: Value
  readonly hero: Equation | null
  /** Every equation computed in the group, in order. */
  readonly equations: readonly Equation[]
  /** Stored values it reads. */
  readonly leaves: readonly Value[]
  /** Why the value is stored. */
  readonly reason: string
}

export interface LoopItem {
  readonly kind: 'loop'
  readonly equation: Equation
}

export type Item = Group | LoopItem

/** Costs above which a value is stored rather than computed again, in rough multiply-adds. */
const RECOMPUTE_LIMIT = 4
/** The same where nothing is read: masks made of iotas are cheaper to compute than to load. */
const RECOMPUTE_LIMIT_WITHOUT_READS = 24

const HEROES = new Set(['reduce', 'contract', 'cumulative', 'update'])
const isHero = (e: Equation): boolean => HEROES.has(e.prim.kind)

/** Groups and loops in the order in which they run. `maxLeaves`: stored values one kernel may read. */
export function fuse(graph: Graph, maxLeaves: number): Item[] {
  const planner = new Planner(graph, maxLeaves)
  return planner.plan()
}

class Planner {
  private readonly producer = new Map<Value, Equation>()
  private readonly consumers = new Map<Value, Equation[]>()
  private readonly reasons = new Map<Value, string>()
  private readonly cost = new Map<Value, number>()
  private readonly leaves = new Map<Value, Set<Value>>()
  /** Values between a hero and the end of its epilogue, and which hero each ends. */
  private readonly inEpilogue = new Set<Value>()
  private readonly heroOf = new Map<Value, Equation>()

  constructor(
    private readonly graph: Graph,
    private readonly maxLeaves: number,
  ) {
    for (const e of graph.equations) {
      for (const v of e.outputs) this.producer.set(v, e)
      for (const v of new Set(e.inputs)) this.consumers.set(v, [...(this.consumers.get(v) ?? []), e])
    }
  }

  plan(): Item[] {
    for (const v of this.graph.inputs) this.reasons.set(v, 'input')
    for (const v of this.graph.outputs) this.require(v, 'a result')
    for (const e of this.graph.equations) this.requireOperands(e)
    for (const e of this.graph.equations) this.decide(e)
    const items: Item[] = []
    for (const e of this.graph.equations) {
      if (e.prim.kind === 'loop') items.push({ kind: 'loop', equation: e })
      else if (this.isRoot(e.outputs[0]!, e)) items.push(this.group(e.outputs[0]!))
    }
    return items
  }

  private isRoot(v: Value, e: Equation): boolean {
    return this.stored(v) && !isArrayConstant(e)
  }

  private stored = (v: Value): boolean => this.reasons.has(v)

  private require(v: Value, reason: string): void {
    if (!this.reasons.has(v)) this.reasons.set(v, reason)
  }

  /** What must be stored whatever it costs. */
  private requireOperands(e: Equation): void {
    if (isArrayConstant(e)) this.require(e.outputs[0]!, 'a constant array')
    if (e.prim.kind === 'loop') {
      for (const v of e.inputs) this.require(v, 'read by a loop')
      for (const v of e.outputs) this.require(v, 'made by a loop')
    }
    if (e.prim.kind === 'update') this.require(e.inputs[0]!, 'updated in place')
    if (e.prim.kind === 'contract') {
      for (const v of e.inputs) this.require(affineAccess(v, this.producer, this.stored).base, 'operand of a product')
    }
  }

  private decide(e: Equation): void {
    if (e.prim.kind === 'loop') return
    const v = e.outputs[0]!
    this.leaves.set(v, this.gatherLeaves(e))
    this.cost.set(v, this.ownCost(e) + e.inputs.reduce((n, i) => n + this.readCost(i), 0))
    if (isHero(e)) this.extendEpilogue(e)
    else if (!this.stored(v) && !this.inEpilogue.has(v)) {
      const reason = this.whyStore(v)
      if (reason) this.require(v, reason)
    }
  }

  private ownCost(e: Equation): number {
    switch (e.prim.kind) {
      case 'elementwise':
        return e.prim.cost
      case 'random':
        return 60
      case 'index':
        return 2
      case 'piecewise':
        return 1 + e.inputs.length
      default:
        return 0
    }
  }

  private readCost = (v: Value): number => (this.stored(v) ? 1 : (this.cost.get(v) ?? 1))

  private leavesOf = (v: Value): ReadonlySet<Value> =>
    this.stored(v) ? new Set([v]) : (this.leaves.get(v) ?? new Set())

  /** Stored values that the equation would read; stores its largest inputs where there are too many. */
  private gatherLeaves(e: Equation): Set<Value> {
    const union = (): Set<Value> => new Set(e.inputs.flatMap((v) => [...this.leavesOf(v)]))
    let all = union()
    const bySize = [...new Set(e.inputs)].filter((v) => !this.stored(v) && !this.inEpilogue.has(v))
    bySize.sort((a, b) => this.leavesOf(b).size - this.leavesOf(a).size)
    for (const v of bySize) {
      if (all.size <= this.maxLeaves) break
      this.require(v, `more than ${this.maxLeaves} tensors read by one kernel`)
      all = union()
    }
    return all
  }

  private whyStore(v: Value): string | undefined {
    const readers = this.consumers.get(v) ?? []
    const cost = this.cost.get(v)!
    const limit = this.leaves.get(v)!.size === 0 ? RECOMPUTE_LIMIT_WITHOUT_READS : RECOMPUTE_LIMIT
    if (cost <= limit) return undefined
    if (readers.length > 1) return `read ${readers.length} times and costly to compute again`
    const [reader] = readers
    const repeats = reader ? sizeOf(reader.outputs[0]!.type.shape) / Math.max(1, sizeOf(v.type.shape)) : 0
    if (repeats > 1 && (reader!.prim.kind === 'view' || reader!.prim.kind === 'index'))
      return 'read many times over by a broadcast'
    return undefined
  }

  /** Lets elementwise work that only the hero's result feeds join its kernel. */
  private extendEpilogue(hero: Equation): void {
    let end = hero.outputs[0]!
    const reads = new Set(this.leaves.get(end)!)
    while (hero.prim.kind !== 'update' && hero.prim.kind !== 'cumulative' && !this.stored(end)) {
      const readers = this.consumers.get(end) ?? []
      const [next] = readers
      if (readers.length !== 1 || !next || !['elementwise', 'reshape'].includes(next.prim.kind)) break
      if (this.heroOf.has(next.outputs[0]!) || this.inEpilogue.has(next.outputs[0]!)) break
      const others = next.inputs.filter((v) => v !== end)
      if (others.some((v) => !this.canJoin(v))) break
      const added = others.flatMap((v) => [...this.leavesOf(v)])
      if (new Set([...reads, ...added]).size > this.maxLeaves) break
      for (const v of added) reads.add(v)
      this.inEpilogue.add(end)
      end = next.outputs[0]!
      this.inEpilogue.add(end)
    }
    this.inEpilogue.delete(end)
    this.heroOf.set(end, hero)
    this.require(end, heroReason(hero))
    this.leaves.set(end, reads)
  }

  /** Another operand of an epilogue: already decided, and not the unstored result of another hero. */
  private canJoin(v: Value): boolean {
    return this.stored(v) || (this.cost.has(v) && !this.inEpilogue.has(v)) || isPlainConstant(this.producer.get(v))
  }

  private group(root: Value): Group {
    const hero = this.heroOf.get(root) ?? null
    const found = new Set<Equation>()
    const leaves = new Set<Value>()
    const visit = (v: Value): void => {
      if (v !== root && this.stored(v)) {
        leaves.add(v)
        return
      }
      const e = this.producer.get(v)!
      if (found.has(e)) return
      for (const i of e.inputs) visit(i)
      found.add(e)
    }
    visit(root)
    return { kind: 'group', root, hero, equations: [...found], leaves: [...leaves], reason: this.reasons.get(root)! }
  }
}

const isArrayConstant = (e: Equation): boolean => e.prim.kind === 'constant' && e.prim.element(e.attrs).kind === 'array'
const isPlainConstant = (e: Equation | undefined): boolean => e?.prim.kind === 'constant'

function heroReason(e: Equation): string {
  switch (e.prim.kind) {
    case 'reduce':
      return 'a reduction ends here'
    case 'contract':
      return 'a product ends here'
    case 'cumulative':
      return 'a running sum ends here'
    default:
      return 'an update in place'
  }
}
