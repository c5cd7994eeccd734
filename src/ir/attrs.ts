import { type Equation, type Graph, isGraph } from '../ir/graph.ts'
import type { ScanAttrs } from '../ir/prims/nested.ts'
import { VerifyError } from '../util/errors.ts'

/** Typed readings of the attrs of equations that hold graphs. */

const malformed = (e: Equation, name: string, wanted: string): never => {
  throw new VerifyError(`${e.prim.name}: attribute ${name} is not ${wanted}`, { at: e.source?.location() })
}

/** @throws VerifyError if the attribute is missing or of another type. */
export function graphAttr(e: Equation, name: string): Graph {
  const a = e.attrs[name]
  return a !== undefined && isGraph(a) ? a : malformed(e, name, 'a graph')
}

/** @throws VerifyError if the attribute is missing or of another type. */
export function numberAttr(e: Equation, name: string): number {
  const a = e.attrs[name]
  return typeof a === 'number' ? a : malformed(e, name, 'a number')
}

export function scanAttrs(e: Equation): ScanAttrs {
  const { reverse } = e.attrs
  return {
    body: graphAttr(e, 'body'),
    length: numberAttr(e, 'length'),
    consts: numberAttr(e, 'consts'),
    carries: numberAttr(e, 'carries'),
    reverse: typeof reverse === 'boolean' ? reverse : malformed(e, 'reverse', 'a boolean'),
  }
}
