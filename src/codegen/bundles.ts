import type { Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import { type Group, type LoopItem, madeBy, readBy, updateOf } from './fusion.ts'
import type { Stmt } from './kernel-ir.ts'
import { KernelOrder } from './kernel-order.ts'
import { LiveBytes } from './live-bytes.ts'
import { equationsOf, headOf, type Scheduled, type Work } from './schedule.ts'

/**
 * Kernels side by side: of one form, and independent of one another. They become one kernel whose workgroups are divided
 * among them: queries, keys and values of one input, what an optimiser does to many parameters.
 */
export interface Bundle {
  readonly kind: 'bundle'
  readonly members: readonly Work[]
}

export interface BundleOptions {
  /** Most buffers that one kernel may use. */
  readonly maxBuffers: number
  readonly results: ReadonlySet<Value>
  /** Is this an input of the graph whose buffer results may take? */
  given(v: Value): boolean
}

/** How far apart in the program members may lie: what one makes is kept until it is used. */
const NEAR = 12
/** Statements of one kernel: drivers take long to compile a long text, and of unlike members few stand twice. */
const LONGEST = 300
const LONGEST_UNLIKE = 100

/** A kernel of more fills a card for longer than a call takes to begin. */
const MOST_FLOPS = 2 ** 25

type Item = Work | LoopItem

/** Puts kernels side by side where it can, in an order in which everything is made before it is read. */
export function bundle(
  items: readonly Item[],
  scheduled: ReadonlyMap<Item, Scheduled>,
  options: BundleOptions,
): (Item | Bundle)[] {
  return new Bundler(items, scheduled, options).run()
}

/** It rewrites what its buffer holds, which may first be copied there. */
const isUpdate = (item: Item): item is Group => item.kind === 'group' && updateOf(item) !== null

/** What two kernels must have in common to be alike: both are products, or both do the same operations. */
function operationsOf(item: Item): readonly unknown[] {
  if (item.kind === 'loop') return [item]
  const { hero } = headOf(item)
  return hero?.prim.kind === 'contract' ? [hero.prim] : equationsOf(item).map((e) => e.prim)
}

class Bundler {
  private readonly maker = new Map<Value, Item>()
  private readonly readers = new Map<Value, Item[]>()
  private readonly position = new Map<Item, number>()
  private readonly inPlace = new Map<Item, readonly Value[]>()
  private readonly operations = new Map<Item, readonly unknown[]>()
  private readonly order: KernelOrder<Item>
  private readonly live: LiveBytes

  constructor(
    private readonly items: readonly Item[],
    private readonly scheduled: ReadonlyMap<Item, Scheduled>,
    private readonly options: BundleOptions,
  ) {
    for (const [i, item] of items.entries()) {
      this.position.set(item, i)
      this.operations.set(item, operationsOf(item))
      for (const v of madeBy(item)) this.maker.set(v, item)
      for (const v of readBy(item)) this.readers.set(v, [...(this.readers.get(v) ?? []), item])
    }
    for (const item of items) this.inPlace.set(item, this.overwritten(item))
    const temporaries = [...this.maker].filter(([v]) => !options.results.has(v) && this.readers.has(v))
    this.live = new LiveBytes(
      items.length,
      temporaries.map(([v, maker]) => [v, this.position.get(maker)!, this.lastRead(v)]),
    )
    this.order = new KernelOrder(items, (item) => [
      ...readBy(item).flatMap((v) => this.maker.get(v) ?? []),
      ...this.inPlace.get(item)!.flatMap((v) => this.readers.get(v)!.filter((reader) => reader !== item)),
    ])
  }

  run(): (Item | Bundle)[] {
    for (const [i, item] of this.items.entries()) {
      const near = this.items.slice(Math.max(0, i - NEAR), i).reverse()
      const shares = (other: Item): boolean => readBy(other).some((v) => readBy(item).includes(v))
      const alike = near.filter((other) => this.areAlike(other, item))
      const joins = (other: Item, longest: number): boolean => this.join(other, item, longest)
      if (alike.some((other) => joins(other, LONGEST))) continue
      const unlike = near.filter((other) => !alike.includes(other))
      if (unlike.some((other) => shares(other) && joins(other, LONGEST_UNLIKE))) continue
      unlike.some((other) => this.costsNoMemory(other, item) && joins(other, LONGEST_UNLIKE))
    }
    return this.order.ordered().map(({ items }) => {
      const members = items.filter((item) => item.kind !== 'loop')
      return members.length > 1 ? { kind: 'bundle', members } : items[0]!
    })
  }

  private areAlike(one: Item, other: Item): boolean {
    const [a, b] = [this.operations.get(one)!, this.operations.get(other)!]
    return a.length === b.length && a.every((operation, i) => operation === b[i])
  }

  private join(first: Item, second: Item, longest: number): boolean {
    if (!this.fits(first, second, longest) || !this.order.mayPrecede(second, first)) return false
    if (!this.order.join(first, second)) return false
    this.live.makeEarlier(this.temporariesOf(second), this.position.get(first)!, this.position.get(second)!)
    return true
  }

  /** May what the second makes be there when the first runs? */
  private costsNoMemory(first: Item, second: Item): boolean {
    return this.live.mayBeEarlier(this.temporariesOf(second), this.position.get(first)!, this.position.get(second)!)
  }

  private temporariesOf = (item: Item): Value[] => madeBy(item).filter((v) => !this.options.results.has(v))

  private fits(one: Item, other: Item, longest: number): boolean {
    const items = [...this.order.unitOf(one).items, ...this.order.unitOf(other).items]
    const members = items.flatMap((item) => this.scheduled.get(item) ?? [])
    if (members.length < items.length || items.some(isUpdate) || members.some((m) => m.flops > MOST_FLOPS)) return false
    const form = ({ kernel: { name, workgroupSize } }: Scheduled): string => `${name} ${workgroupSize.join(' ')}`
    if (members.some((m) => form(m) !== form(members[0]!))) return false
    if (members.reduce((n, { kernel }) => n + lengthOf(kernel.body), 0) > longest) return false
    const buffers = new Set(members.flatMap(({ values }) => values)).size
    return buffers - items.reduce((n, item) => n + this.inPlace.get(item)!.length, 0) <= this.options.maxBuffers
  }

  /** What this kernel is to write over, since all its other readers run before: they must go on doing so. */
  private overwritten(item: Item): Value[] {
    if (isUpdate(item)) return [updateOf(item)!.operand].filter((v) => this.lastRead(v) <= this.position.get(item)!)
    const typeOf = ({ type }: Value): string => `${type.dtype} ${sizeOf(type.shape)}`
    const taken = new Set<Value>()
    for (const { value, over } of this.scheduled.get(item)?.outputs ?? []) {
      if (!this.options.results.has(value)) continue
      const found = over.find(
        (v) =>
          !taken.has(v) &&
          this.options.given(v) &&
          typeOf(v) === typeOf(value) &&
          this.lastRead(v) <= this.position.get(item)!,
      )
      if (found) taken.add(found)
    }
    return [...taken]
  }

  private lastRead = (v: Value): number => Math.max(...this.readers.get(v)!.map((item) => this.position.get(item)!))
}

const lengthOf = (body: readonly Stmt[]): number =>
  body.reduce((n, s) => n + 1 + (s.kind === 'for' || s.kind === 'if' ? lengthOf(s.body) : 0), 0)
