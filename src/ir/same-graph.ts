import type { HostArray } from './dtype.ts'
import { type Attrs, type AttrValue, type Equation, type Graph, isGraph, sameType, type Value } from './graph.ts'
import { isHostArray } from './text-values.ts'

export interface SameGraphOptions {
  /** Also compare the graphs' own names. */
  readonly names?: boolean
  /** Also compare where the equations were written. */
  readonly sources?: boolean
}

/**
 * Whether two graphs are equal but for the names of their values: the same primitives applied to the same values in
 * the same order, with the same types and attrs (numbers and arrays bit for bit, the order of attrs aside).
 */
export function sameGraph(a: Graph, b: Graph, options: SameGraphOptions = {}): boolean {
  const partner = new Map<Value, Value>()
  const back = new Map<Value, Value>()
  const define = (x: Value, y: Value): boolean => {
    if (!sameType(x.type, y.type) || partner.has(x) || back.has(y)) return false
    partner.set(x, y)
    back.set(y, x)
    return true
  }
  const use = (x: Value, y: Value): boolean => partner.has(x) && partner.get(x) === y
  const sameEquation = (x: Equation, y: Equation): boolean =>
    x.prim === y.prim &&
    pairwise(x.inputs, y.inputs, use) &&
    sameAttrs(x.attrs, y.attrs, options) &&
    pairwise(x.outputs, y.outputs, define) &&
    (!options.sources || x.source?.location() === y.source?.location())
  return (
    (!options.names || a.name === b.name) &&
    pairwise(a.inputs, b.inputs, define) &&
    pairwise(a.equations, b.equations, sameEquation) &&
    pairwise(a.outputs, b.outputs, use)
  )
}

const pairwise = <T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean =>
  a.length === b.length && a.every((x, i) => same(x, b[i]!))

/** Whether two equations' attrs are equal, nested graphs as `sameGraph` compares them. */
export function sameAttrs(a: Attrs, b: Attrs, options: SameGraphOptions = {}): boolean {
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameAttr(a[key]!, b[key]!, options))
  )
}

function sameAttr(a: AttrValue, b: AttrValue, options: SameGraphOptions): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return Object.is(a, b)
  if (isGraph(a)) return isGraph(b) && sameGraph(a, b, options)
  if (isHostArray(a)) return isHostArray(b) && sameArray(a, b)
  return !isGraph(b) && !isHostArray(b) && pairwise(a, b, Object.is)
}

/** Bit for bit: -0 is not 0, and a NaN equals itself. */
function sameArray(a: HostArray, b: HostArray): boolean {
  const bytes = ({ data }: HostArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const [x, y] = [bytes(a), bytes(b)]
  return (
    a.dtype === b.dtype &&
    pairwise(a.shape, b.shape, Object.is) &&
    x.length === y.length &&
    x.every((v, i) => v === y[i])
  )
}
