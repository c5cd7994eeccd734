import type { Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import { deviceBytes } from './program.ts'

/** A scalar may be there at any time. */
const HARDLY_MORE = 1.001

/** Bytes of temporaries that are alive at each place of an order, as far as can be told before they have places. */
export class LiveBytes {
  private readonly at: number[]
  private readonly most: number

  /** `lives`: each temporary with the places of its maker and of its last reader. */
  constructor(length: number, lives: Iterable<readonly [v: Value, first: number, last: number]>) {
    this.at = new Array<number>(length).fill(0)
    for (const [v, first, last] of lives) this.add(bytesOf(v), first, last + 1)
    this.most = Math.max(0, ...this.at)
  }

  /** May values be made earlier than they are, so that hardly more is ever alive than the most at present? */
  mayBeEarlier(values: readonly Value[], from: number, before: number): boolean {
    const bytes = totalOf(values)
    return this.at.slice(from, before).every((n) => n + bytes <= HARDLY_MORE * this.most)
  }

  makeEarlier(values: readonly Value[], from: number, before: number): void {
    this.add(totalOf(values), from, before)
  }

  private add(bytes: number, from: number, before: number): void {
    for (let i = from; i < before; i++) this.at[i]! += bytes
  }
}

const totalOf = (values: readonly Value[]): number => values.reduce((n, v) => n + bytesOf(v), 0)
const bytesOf = ({ type }: Value): number => deviceBytes(type.dtype, sizeOf(type.shape))
