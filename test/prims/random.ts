import { allocate, type DType, type HostArray, setElement } from '../../src/ir/dtype.ts'
import { sizeOf } from '../../src/ir/shape.ts'

/** Repeatable choices from a seed (mulberry32), so that a failing sample is made again from its seed alone. */
export class Random {
  constructor(private state: number) {}

  /** Uniform in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** A whole number from low to high, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  number(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  flip(): boolean {
    return this.next() < 0.5
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!
  }

  shuffle<T>(list: readonly T[]): T[] {
    const copy = [...list]
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.int(0, i)
      ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
    }
    return copy
  }

  /** Mostly small odd and even sizes, sometimes 1, seldom 0. */
  dim(): number {
    return this.pick([0, 1, 1, 2, 2, 3, 3, 3, 4, 5])
  }

  /** Like `dim`, never 0. */
  positive(): number {
    return this.pick([1, 1, 2, 2, 3, 3, 4, 5])
  }

  shape(low = 0, high = 3): number[] {
    return Array.from({ length: this.int(low, high) }, () => this.dim())
  }
}

export function fill(dtype: DType, shape: readonly number[], element: (i: number) => number): HostArray {
  const array: HostArray = { dtype, shape, data: allocate(dtype, sizeOf(shape)) }
  for (let i = 0; i < array.data.length; i++) setElement(array, i, element(i))
  return array
}
