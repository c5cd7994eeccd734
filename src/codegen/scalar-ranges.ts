import { NOTHING_KNOWN } from '../ir/element-ops.ts'
import type { Equation, Graph, Value } from '../ir/graph.ts'
import type { ElementOps } from '../ir/prim.ts'
import { sizeOf } from '../ir/shape.ts'

/**
 * What is known of the integers of a graph of scalars, whose inputs lie in known ranges: which of its values are one of
 * their operands (a clip that changes nothing), and which look-ups stay inside of their table. A kernel then reads with
 * plain indices, which is faster than with clamped ones.
 */
export interface Range {
  readonly low: number
  readonly high: number
}

export interface ScalarRanges {
  readonly same: ReadonlyMap<Value, Value>
  readonly inside: ReadonlySet<Equation>
}

export function scalarRanges(graph: Graph, inputs: readonly (Range | undefined)[]): ScalarRanges {
  const ranges = new Map<Value, Range | undefined>(graph.inputs.map((v, i) => [v, inputs[i]]))
  const same = new Map<Value, Value>()
  const inside = new Set<Equation>()
  for (const e of graph.equations) {
    const [out] = e.outputs
    const operands = e.inputs.map((value): Operand => ({ value, range: ranges.get(value) }))
    switch (e.prim.kind) {
      case 'elementwise': {
        const result = e.prim.apply(RANGES, operands)
        if (result?.value && result.value.type.dtype === out!.type.dtype) same.set(out!, result.value)
        if (out!.type.dtype === 'i32') ranges.set(out!, result?.range)
        break
      }
      case 'constant': {
        const element = e.prim.element(e.attrs)
        if (element.kind === 'value') ranges.set(out!, { low: element.value, high: element.value })
        break
      }
      case 'index': {
        const at = operands[1]?.range
        const table = e.inputs[0]!.type.shape
        if (at && table.length === 1 && at.low >= 0 && at.high < sizeOf(table)) inside.add(e)
        break
      }
    }
  }
  return { same, inside }
}

interface Operand {
  readonly value: Value
  readonly range: Range | undefined
}
/** A range; and the operand that the result is, where it is one. */
interface Result {
  readonly range: Range | undefined
  readonly value?: Value
}

type Rule = (a: Operand, b: Operand) => Result | undefined

const given =
  (rule: (a: Range, b: Range) => Range): Rule =>
  (a, b) =>
    a.range && b.range ? { range: rule(a.range, b.range) } : undefined

/** max or min: one of both where their ranges do not cross. */
const extreme =
  (pick: (a: number, b: number) => number, wins: (a: Range, b: Range) => boolean): Rule =>
  (a, b) => {
    if (!a.range || !b.range) return undefined
    if (wins(a.range, b.range)) return a
    if (wins(b.range, a.range)) return b
    return { range: { low: pick(a.range.low, b.range.low), high: pick(a.range.high, b.range.high) } }
  }

const RANGES: ElementOps<Operand, Result | undefined> = {
  ...NOTHING_KNOWN,
  add: given((a, b) => ({ low: a.low + b.low, high: a.high + b.high })),
  sub: given((a, b) => ({ low: a.low - b.high, high: a.high - b.low })),
  mul: given((a, b) => {
    const corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]
    return { low: Math.min(...corners), high: Math.max(...corners) }
  }),
  max: extreme(Math.max, (a, b) => a.low >= b.high),
  min: extreme(Math.min, (a, b) => a.high <= b.low),
  same: (x) => x,
  cast: (x) => ({ range: x.range }),
}
