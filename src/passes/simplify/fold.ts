import { isFloat } from '../../ir/dtype.ts'
import type { Equation, TensorType, Value } from '../../ir/graph.ts'
import { barrier } from '../../ir/prims/unary.ts'
import { sizeOf } from '../../ir/shape.ts'
import type { Rewriter } from '../rewriter.ts'
import { emitFull, type Rule, rounded, uniformOf } from './rule.ts'

/**
 * Constant folding over uniform tensors (all elements one number), by kind: their size does not matter. What would be
 * NaN is left for the device, and so is a product with zero, which NaN and infinity survive.
 */
export const fold: Rule = (e, to) => {
  const type = e.outputs[0]!.type
  if (e.prim.kind === 'constant' || e.prim === barrier) return null
  if (sizeOf(type.shape) === 0) return emitFull(to, type, 0)
  if (e.inputs.length === 0) return null
  const value = foldedValue(e, type, to)
  return value === undefined || Number.isNaN(value) ? null : emitFull(to, type, value)
}

function foldedValue(e: Equation, type: TensorType, to: Rewriter): number | undefined {
  const { prim } = e
  const first = uniformOf(to, e.inputs[0]!)
  if (first === undefined) return undefined
  switch (prim.kind) {
    case 'elementwise': {
      const args = e.inputs.map((v) => uniformOf(to, v))
      if (!args.every((x) => x !== undefined)) return undefined
      const types = { inputs: e.inputs.map((v) => v.type.dtype), output: type.dtype }
      return rounded(type, prim.scalar(args, types))
    }
    case 'view':
    case 'reshape':
    case 'index':
      return first
    case 'piecewise': {
      const covered = e.inputs.reduce((n, v) => n + sizeOf(v.type.shape), 0) === sizeOf(type.shape)
      const alike = e.inputs.every((v) => uniformOf(to, v) === first)
      return alike && (covered || prim.fill(e.attrs) === first) ? first : undefined
    }
    case 'reduce':
      return reducedValue(prim.monoid, first, e.inputs[0]!, type)
    case 'cumulative':
      return first === 0 ? 0 : undefined
    default:
      return undefined
  }
}

function reducedValue(monoid: string, x: number, input: Value, type: TensorType): number | undefined {
  const count = sizeOf(input.type.shape) / sizeOf(type.shape)
  if (count === 0) return undefined
  if (monoid !== 'sum') return x
  const total = x * count
  return isFloat(type.dtype) || Number.isSafeInteger(total) ? rounded(type, total) : undefined
}
