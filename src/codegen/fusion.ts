import type { Equation, Graph, Value } from '../ir/graph.ts'
import { TILES } from '../ir/prims/attention.ts'
import { sizeOf } from '../ir/shape.ts'
import { affineAccess } from './affine.ts'
import { isHero, prologueOf } from './prologue.ts'

/**
 * Fusion: which values are stored, and which are computed where they are read. A group is one stored value with
 * everything computed on the way to it: at most one hero (reduction, product, running sum, update), what feeds it,
 * and elementwise work on its result. Every stored value has a reason, which `explain` shows.
 */
export interface Group {
  readonly kind: 'group'
  readonly root: Value
  /** All values that it stores: the root, and of a hero with several results those that are read. */
  readonly outputs: readonly Value[]
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

/** What is computed at one place of the order: a loop, or groups with what they read and store. */
type Ordered = LoopItem | (Pick<Group, 'leaves' | 'outputs'> & { readonly kind: 'group' | 'cluster' })

/** Stored values that it reads. */
export const readBy = (item: Ordered): readonly Value[] => (item.kind === 'loop' ? item.equation.inputs : item.leaves)
/** Stored values that it makes. */
export const madeBy = (item: Ordered): readonly Value[] => (item.kind === 'loop' ? item.equation.outputs : item.outputs)

/** What a group rewrites a part of, and what it writes there; null if it does no such thing. */
export function updateOf({ hero }: Group): { operand: Value; updates: Value } | null {
  if (hero?.prim.kind !== 'update') return null
  return { operand: hero.inputs[0]!, updates: hero.inputs[hero.prim.updates]! }
}

/** Costs above which a value is stored rather than computed again, in rough multiply-adds. */
const RECOMPUTE_LIMIT = 4
/** The same where nothing is read: masks made of iotas are cheaper to compute than to load. */
const RECOMPUTE_LIMIT_WITHOUT_READS = 24

/** Groups and loops in the order in which they run. `maxLeaves`: stored values one kernel may read. */
export function fuse(graph: Graph, maxLeaves: number): Item[] {
  return new Planner(graph, maxLeaves).plan()
}

/** Where an unstored value is computed: the stored values whose kernels compute it. */
interface Homes {
  readonly roots: ReadonlySet<Value>
  /** Every way from here to there is elementwise, so that one element is computed for one element. */
  readonly aligned: boolean
}

class Planner {
  private readonly producer = new Map<Value, Equation>()
  private readonly consumers = new Map<Value, Equation[]>()
  private readonly reasons = new Map<Value, string>()
  private readonly cost = new Map<Value, number>()
  private readonly homes = new Map<Value, Homes>()
  private readonly leaves = new Map<Value, ReadonlySet<Value>>()
  /** What is computed wherever a product reads it. */
  private readonly prologues = new Set<Value>()
  /** The hero computed in the kernel of each stored value. */
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
    const { equations } = this.graph
    for (const v of this.graph.inputs) this.store(v, 'input')
    for (const v of this.graph.outputs) this.store(v, 'a result')
    for (const e of equations) this.storeOperands(e)
    for (const e of equations) this.estimateCost(e)
    for (const e of [...equations].reverse()) this.decide(e)
    for (const e of equations) this.limitLeaves(e)
    const items: Item[] = []
    for (const e of equations) {
      if (e.prim.kind === 'loop') items.push({ kind: 'loop', equation: e })
      else if (this.stored(e.outputs[0]!) && !isArrayConstant(e)) items.push(this.group(e.outputs[0]!))
    }
    return this.earlyProducts(items)
  }

  /**
   * A product runs as soon as what its kernel reads is there, not where the last of its elementwise work stands: what it
   * multiplies is mostly larger than what it makes. Gradients are unscaled behind the whole backward pass. So does what
   * makes a single number, such as the scale.
   */
  private earlyProducts(items: readonly Item[]): Item[] {
    const position = new Map(this.graph.equations.map((e, i) => [e, i]))
    const runsAt = new Map<Value, number>()
    // Results stay: a count that is raised early would not find its old place free.
    const isNumber = ({ root }: Group): boolean => sizeOf(root.type.shape) === 1 && !results.has(root)
    const results = new Set(this.graph.outputs)
    const endOf = (item: Item): Equation => (item.kind === 'loop' ? item.equation : this.producer.get(item.root)!)
    const keyed = items.map((item) => {
      const isEarly = item.kind === 'group' && (item.hero?.prim.kind === 'contract' || isNumber(item))
      const begin = isEarly ? (item.hero ? position.get(item.hero)! : 0) : position.get(endOf(item))!
      const at = isEarly ? Math.max(begin, ...item.leaves.map((v) => runsAt.get(v) ?? 0)) : begin
      for (const v of madeBy(item)) runsAt.set(v, at)
      return { item, at }
    })
    return keyed.sort((a, b) => a.at - b.at).map(({ item }) => item)
  }

  private stored = (v: Value): boolean => this.reasons.has(v)

  private store(v: Value, reason: string): void {
    if (!this.reasons.has(v)) this.reasons.set(v, reason)
  }

  /** What must be stored whatever it costs. */
  private storeOperands(e: Equation): void {
    if (isArrayConstant(e)) this.store(e.outputs[0]!, 'a constant array')
    if (e.prim.kind === 'loop') {
      for (const v of e.inputs) this.store(v, 'read by a loop')
      for (const v of e.outputs) this.store(v, 'made by a loop')
    }
    if (e.prim.kind === 'update') this.store(e.inputs[0]!, 'updated in place')
    if (e.prim.kind === 'contract') {
      for (const v of e.inputs) this.storeFactor(affineAccess(v, this.producer, this.stored).base)
    }
    if (e.prim.kind === 'attention') {
      e.outputs.forEach((v, i) => {
        if (i === 0 || this.consumers.has(v)) this.store(v, heroReason(e))
      })
      e.inputs.forEach((v, i) => {
        if (i !== TILES) this.store(affineAccess(v, this.producer, this.stored).base, 'operand of attention')
      })
    }
  }

  /** The operand of a product is stored, unless it is cheaper to compute where it is read. */
  private storeFactor(v: Value): void {
    const prologue = prologueOf(v, this.producer, this.stored)
    if (prologue.size === 0) this.store(v, 'operand of a product')
    for (const part of prologue) this.prologues.add(part)
  }

  /** What computing one element anew would take, as far as can be told before anything is decided. */
  private estimateCost(e: Equation): void {
    const read = (v: Value): number => {
      const maker = this.producer.get(v)
      if (this.stored(v) || !maker || isHero(maker)) return 1
      const cost = this.cost.get(v)!
      const shared = (this.consumers.get(v)?.length ?? 0) > 1
      return shared ? Math.min(cost, RECOMPUTE_LIMIT) : cost
    }
    const total = e.inputs.reduce((n, v) => n + read(v), ownCost(e))
    for (const v of e.outputs) this.cost.set(v, total)
  }

  /** In reverse: all readers of a value are decided before the value itself. */
  private decide(e: Equation): void {
    if (e.prim.kind === 'loop') return
    const v = e.outputs[0]!
    if (!this.stored(v)) {
      const homes = this.homesOf(v)
      const reason = isHero(e) ? this.whyStoreHero(e, homes) : this.whyStore(e, homes)
      if (reason) this.store(v, reason)
      else this.homes.set(v, homes)
      if (!reason && isHero(e)) this.heroOf.set([...homes.roots][0]!, e)
    }
    if (this.stored(v) && isHero(e)) this.heroOf.set(v, e)
  }

  private homesOf(v: Value): Homes {
    const roots = new Set<Value>()
    let aligned = true
    for (const reader of this.consumers.get(v) ?? []) {
      const out = reader.outputs[0]!
      const beyond = this.stored(out) ? { roots: [out], aligned: true } : this.homes.get(out)!
      for (const r of beyond.roots) roots.add(r)
      aligned &&= beyond.aligned && (reader.prim.kind === 'elementwise' || reader.prim.kind === 'reshape')
    }
    return { roots, aligned }
  }

  /** A hero may leave its result unstored where one kernel without a hero works on it element by element. */
  private whyStoreHero(e: Equation, { roots, aligned }: Homes): string | undefined {
    const takesEpilogue = e.prim.kind === 'reduce' || e.prim.kind === 'contract'
    const [root] = roots
    const free = roots.size === 1 && !this.heroOf.has(root!)
    return takesEpilogue && aligned && free ? undefined : heroReason(e)
  }

  private whyStore(e: Equation, { roots }: Homes): string | undefined {
    const v = e.outputs[0]!
    // A view costs nothing beyond what it shows: that is stored instead, which is no larger.
    if (e.prim.kind === 'view' || e.prim.kind === 'reshape' || this.prologues.has(v)) return undefined
    const readers = this.consumers.get(v) ?? []
    const ranked = readers.some((c) => c.prim.kind === 'reduce' && c.prim.monoid !== 'sum')
    // Two kernels may round a sum of products differently; then nothing would equal its own maximum (argmax).
    if (ranked && roots.size > 1 && e.prim.kind === 'elementwise') return 'compared with its own extremum'
    const cost = this.cost.get(v)!
    if (cost <= (this.readsNothing(v) ? RECOMPUTE_LIMIT_WITHOUT_READS : RECOMPUTE_LIMIT)) return undefined
    if (roots.size > 1) return `read by ${roots.size} kernels and costly to compute again`
    const size = sizeOf(v.type.shape)
    const repeated = readers.some(
      (c) => (c.prim.kind === 'view' || c.prim.kind === 'index') && sizeOf(c.outputs[0]!.type.shape) > size,
    )
    return repeated ? 'read many times over by a broadcast' : undefined
  }

  private readsNothing(v: Value): boolean {
    if (this.stored(v)) return false
    return this.producer.get(v)!.inputs.every((i) => this.readsNothing(i))
  }

  private leavesOf = (v: Value): ReadonlySet<Value> => (this.stored(v) ? new Set([v]) : this.leaves.get(v)!)

  /** Stores the inputs that read most, until a kernel reads no more tensors than it can bind. */
  private limitLeaves(e: Equation): void {
    if (e.prim.kind === 'loop') return
    const union = (): Set<Value> => new Set(e.inputs.flatMap((v) => [...this.leavesOf(v)]))
    const open = [...new Set(e.inputs)].filter((v) => !this.stored(v))
    open.sort((a, b) => this.leavesOf(b).size - this.leavesOf(a).size)
    let all = union()
    const maxLeaves = this.maxLeaves - e.outputs.filter((v, i) => i > 0 && this.stored(v)).length
    for (const v of open) {
      if (all.size <= maxLeaves) break
      this.store(v, `more than ${maxLeaves} tensors read by one kernel`)
      this.moveHero(v)
      all = union()
    }
    this.leaves.set(e.outputs[0]!, all)
  }

  /** Where a value is stored late, the hero computed on the way to it ends in a kernel of its own. */
  private moveHero(v: Value): void {
    for (const root of this.homes.get(v)?.roots ?? []) {
      const hero = this.heroOf.get(root)
      if (!hero || root === hero.outputs[0] || !this.reaches(v, hero)) continue
      this.heroOf.delete(root)
      this.store(hero.outputs[0]!, heroReason(hero))
      this.heroOf.set(hero.outputs[0]!, hero)
    }
  }

  private reaches(v: Value, hero: Equation): boolean {
    const e = this.producer.get(v)
    if (e === hero) return true
    return (e?.inputs ?? []).some((i) => !this.stored(i) && this.reaches(i, hero))
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
    const outputs = hero?.prim.kind === 'attention' ? hero.outputs.filter(this.stored) : [root]
    const reason = this.reasons.get(root)!
    return { kind: 'group', root, outputs, hero, equations: [...found], leaves: [...leaves], reason }
  }
}

export const isArrayConstant = (e: Equation): boolean =>
  e.prim.kind === 'constant' && e.prim.element(e.attrs).kind === 'array'

function ownCost(e: Equation): number {
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

function heroReason(e: Equation): string {
  switch (e.prim.kind) {
    case 'reduce':
      return 'a reduction ends here'
    case 'contract':
      return 'a product ends here'
    case 'cumulative':
      return 'a running sum ends here'
    case 'attention':
      return 'attention ends here'
    default:
      return 'an update in place'
  }
}
