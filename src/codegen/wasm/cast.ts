import { type DType, isFloat } from '../../ir/dtype.ts'
import type { Arithmetic } from './arithmetic.ts'
import { roundToHalf } from './half.ts'
import type { Node } from './node.ts'

/** A value as another dtype, by the rules of the primitive `cast`. */
export function castValue(A: Arithmetic, x: Node, from: DType, to: DType): Node {
  if (from === to) return x
  if (to === 'bool') return isFloat(from) ? A.f32.ne(x, A.constF32(0)) : A.i32.ne(x, A.constI32(0))
  if (isFloat(to)) {
    const single = isFloat(from) ? x : toFloat(A, x, from)
    return to === 'f16' ? roundToHalf(A, single) : single
  }
  if (from === 'bool') return A.boolToInt(x)
  if (!isFloat(from)) return x
  return to === 'u32' ? A.truncateU(x) : A.truncateS(x)
}

function toFloat(A: Arithmetic, x: Node, from: DType): Node {
  if (from === 'bool') return A.boolToFloat(x)
  return from === 'u32' ? A.toFloatU(x) : A.toFloatS(x)
}
