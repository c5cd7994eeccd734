import { numbersAttr } from '../../ir/attrs.ts'
import type { Attrs, Equation, Value } from '../../ir/graph.ts'
import { contract, view } from '../../ir/prims/index.ts'
import { range } from '../../ir/shape.ts'
import { producedBy, type Rule } from './rule.ts'

/** Transposes around matrix products are taken into the product, whose axes can be named in any order. */

interface Side {
  readonly value: Value
  readonly contract: readonly number[]
  readonly batch: readonly number[]
}

const sidesOf = (e: Equation): [Side, Side] => [
  { value: e.inputs[0]!, contract: numbersAttr(e, 'lhsContract'), batch: numbersAttr(e, 'lhsBatch') },
  { value: e.inputs[1]!, contract: numbersAttr(e, 'rhsContract'), batch: numbersAttr(e, 'rhsBatch') },
]

const attrsOf = (l: Side, r: Side): Attrs => ({
  lhsContract: l.contract,
  rhsContract: r.contract,
  lhsBatch: l.batch,
  rhsBatch: r.batch,
})

const rankOf = (v: Value): number => v.type.shape.length
const freeCount = (s: Side): number => rankOf(s.value) - s.contract.length - s.batch.length

/** transpose(dot(a, b)) that puts the axes of b before those of a is dot(b, a). */
export const transposedProduct: Rule = (e, to) => {
  const product = producedBy(to, e.inputs[0]!, contract.dot)
  if (!product || to.usesOf(product.outputs[0]!) > 1) return null
  const [l, r] = sidesOf(product)
  const batch = l.batch.length
  const behind = batch + freeCount(l)
  const rank = behind + freeCount(r)
  const swapped = [...range(batch), ...range(rank).slice(behind), ...range(behind).slice(batch)]
  const perm = numbersAttr(e, 'perm')
  if (perm.some((axis, i) => axis !== swapped[i])) return null
  return to.emit(contract.dot, [r.value, l.value], attrsOf(r, l))[0]!
}

/** dot(transpose(x), y) is dot(x, y) over other axes, if the free axes of x keep their order. */
export const productOfTransposed: Rule = (e, to) => {
  const given = sidesOf(e)
  const sides = given.map((side) => {
    const inner = producedBy(to, side.value, view.transpose)
    return inner ? untransposed(side, inner) : side
  })
  const [l, r] = sides
  return l === given[0] && r === given[1] ? null : to.emit(contract.dot, [l!.value, r!.value], attrsOf(l!, r!))[0]!
}

function untransposed(side: Side, inner: Equation): Side {
  const perm = numbersAttr(inner, 'perm')
  const used = [...side.contract, ...side.batch]
  const free = range(perm.length).filter((a) => !used.includes(a))
  const ordered = free.every((a, i) => i === 0 || perm[a]! > perm[free[i - 1]!]!)
  const moved = (axes: readonly number[]): number[] => axes.map((a) => perm[a]!)
  return ordered ? { value: inner.inputs[0]!, contract: moved(side.contract), batch: moved(side.batch) } : side
}
