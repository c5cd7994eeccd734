import type { Equation, Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import { storedBytes } from './program.ts'
import { timesRepeated } from './repeated.ts'

/** Operations for each element, in rough multiply-adds, above which an operand is stored: it is read many times. */
const MOST_WORK = 8
/** What is read must be this many times smaller than what is made of it. */
const LEAST_GAIN = 2

/**
 * The values computed on the way to the operand of a product, if it should be computed where it is read: where far
 * fewer bytes are read for it than it has itself, as of a matrix packed into words, and little is done to each element.
 * Empty where it should be stored.
 */
export function prologueOf(
  operand: Value,
  producer: ReadonlyMap<Value, Equation>,
  stored: (v: Value) => boolean,
): ReadonlySet<Value> {
  const size = sizeOf(operand.type.shape)
  const computed = new Set<Value>()
  const read = new Set<Value>()
  let work = 0
  const isCheap = (v: Value): boolean => {
    if (computed.has(v) || read.has(v)) return true
    const e = stored(v) ? undefined : producer.get(v)
    if (!e || isHero(e)) {
      read.add(v)
      return true
    }
    computed.add(v)
    switch (e.prim.kind) {
      case 'elementwise':
        // What has few elements is computed for many at once.
        if (4 * sizeOf(v.type.shape) > size) work += e.prim.cost
        return e.inputs.every(isCheap)
      case 'view':
      case 'reshape':
        return e.inputs.every(isCheap)
      case 'constant':
        return e.prim.element(e.attrs).kind !== 'array'
      default:
        return false
    }
  }
  const cheap = isCheap(operand) && work <= MOST_WORK && !read.has(operand)
  const bytes = [...read].reduce((n, v) => n + bytesOf(v), 0)
  return cheap && bytes > 0 && LEAST_GAIN * bytes <= bytesOf(operand) ? computed : new Set()
}

/** How many neighbouring elements of an operand share one of those that it is made of: a word, a scale. */
export function rowsShared(
  operand: Value,
  { producer, stored }: { producer: ReadonlyMap<Value, Equation>; stored(v: Value): boolean },
): number[] {
  const e = stored(operand) ? undefined : producer.get(operand)
  if (!e) return []
  const times = timesRepeated(e)
  if (times !== undefined && times > 1) return [times]
  const isAligned = e.prim.kind === 'elementwise' || e.prim.kind === 'reshape'
  return isAligned ? e.inputs.flatMap((v) => rowsShared(v, { producer, stored })) : []
}

const bytesOf = (v: Value): number => sizeOf(v.type.shape) * storedBytes(v.type.dtype)

const HEROES: ReadonlySet<string> = new Set(['reduce', 'contract', 'cumulative', 'update', 'attention'])
/** Equations that a kernel is built around. */
export const isHero = (e: Equation): boolean => HEROES.has(e.prim.kind)
