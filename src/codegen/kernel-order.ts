/** Items that become one kernel. */
export interface Unit<T> {
  readonly items: T[]
}

interface Ranked<T> extends Unit<T> {
  /** What must run before it. */
  readonly needs: Set<T>
  rank: number
}

/**
 * An order of kernels in which each runs after what it needs, kept while kernels are joined and further needs are
 * found. What would make it impossible is refused.
 */
export class KernelOrder<T> {
  private readonly units = new Map<T, Ranked<T>>()
  /** By rank; joining leaves gaps. */
  private readonly order: (Ranked<T> | null)[]

  /** `items` come after what they need. */
  constructor(items: readonly T[], needs: (item: T) => readonly T[]) {
    this.order = items.map((item, rank) => ({ items: [item], needs: new Set(needs(item)), rank }))
    for (const unit of this.order) this.units.set(unit!.items[0]!, unit!)
  }

  unitOf(item: T): Unit<T> {
    return this.units.get(item)!
  }

  /** Makes the kernels of two items one, at the place of the earlier one, unless one must wait for what waits for the other. */
  join(one: T, other: T): boolean {
    const [a, b] = [this.units.get(one)!, this.units.get(other)!]
    if (a === b) return true
    const [first, second] = a.rank < b.rank ? [a, b] : [b, a]
    for (const unit of this.unitsOf(second.needs)) if (unit !== first && !this.lift(unit, first)) return false
    for (const item of second.items) this.units.set(item, first)
    first.items.push(...second.items)
    for (const item of second.needs) first.needs.add(item)
    for (const item of first.items) first.needs.delete(item)
    this.order[second.rank] = null
    return true
  }

  /** Can one item run before another, or must it run after it? */
  mayPrecede(before: T, after: T): boolean {
    const [a, b] = [this.units.get(before)!, this.units.get(after)!]
    return a !== b && this.lift(a, b)
  }

  /** Lets one item run before another from now on, where that is possible. */
  precede(before: T, after: T): void {
    if (this.mayPrecede(before, after)) this.units.get(after)!.needs.add(before)
  }

  ordered(): Unit<T>[] {
    return this.order.filter((unit) => unit !== null)
  }

  private unitsOf(items: Iterable<T>): Set<Ranked<T>> {
    const found = new Set<Ranked<T>>()
    for (const item of items) {
      const unit = this.units.get(item)
      if (unit) found.add(unit)
    }
    return found
  }

  /** Moves a unit, with all that it needs, before another one; false if it needs that one. */
  private lift(unit: Ranked<T>, before: Ranked<T>): boolean {
    const from = before.rank
    const to = unit.rank
    if (to < from) return true
    const moved = new Set([unit])
    // A set is walked in the order in which it grows. Chains may be longer than a stack is deep.
    for (const u of moved) {
      for (const item of u.needs) {
        const need = this.units.get(item)
        if (need === before) return false
        if (need && need.rank > from) moved.add(need)
      }
    }
    const rest: (Ranked<T> | null)[] = []
    let rank = from
    for (let i = from; i <= to; i++) {
      const u = this.order[i]!
      if (u !== null && moved.has(u)) this.put(u, rank++)
      else rest.push(u)
    }
    for (const u of rest) this.put(u, rank++)
    return true
  }

  private put(unit: Ranked<T> | null, rank: number): void {
    this.order[rank] = unit
    if (unit) unit.rank = rank
  }
}
