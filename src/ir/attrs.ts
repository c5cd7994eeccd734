import { VerifyError } from '../util/errors.ts'
import { type Equation, type Graph, isGraph } from './graph.ts'
import type { AttentionPass } from './prim.ts'
import type { AttentionAttrs } from './prims/attention.ts'
import type { ScanAttrs } from './prims/nested.ts'

/** Typed readings of an equation's attrs. All throw VerifyError where the attribute is missing or of another type. */

const malformed = (e: Equation, name: string, wanted: string): never => {
  throw new VerifyError(`${e.prim.name}: attribute ${name} is not ${wanted}`, { at: e.source?.location() })
}

export function graphAttr(e: Equation, name: string): Graph {
  const a = e.attrs[name]
  return a !== undefined && isGraph(a) ? a : malformed(e, name, 'a graph')
}

export function numberAttr(e: Equation, name: string): number {
  const a = e.attrs[name]
  return typeof a === 'number' ? a : malformed(e, name, 'a number')
}

export function booleanAttr(e: Equation, name: string): boolean {
  const a = e.attrs[name]
  return typeof a === 'boolean' ? a : malformed(e, name, 'a boolean')
}

const isNumbers = (a: unknown): a is readonly number[] => Array.isArray(a)

export function numbersAttr(e: Equation, name: string): readonly number[] {
  const a = e.attrs[name]
  return isNumbers(a) ? a : malformed(e, name, 'a list of numbers')
}

export const scanAttrs = (e: Equation): ScanAttrs => ({
  body: graphAttr(e, 'body'),
  length: numberAttr(e, 'length'),
  consts: numberAttr(e, 'consts'),
  carries: numberAttr(e, 'carries'),
  reverse: booleanAttr(e, 'reverse'),
})

export const attentionAttrs = (e: Equation): AttentionAttrs => ({
  definition: graphAttr(e, 'definition'),
  score: graphAttr(e, 'score'),
  groups: numberAttr(e, 'groups'),
  scale: numberAttr(e, 'scale'),
})

/** Which part of attention an equation computes. */
export function passOf(e: Equation): AttentionPass {
  if (e.prim.kind === 'attention') return e.prim.pass
  throw new VerifyError(`${e.prim.name} is not attention`, { at: e.source?.location() })
}
