import { getElement, setElement } from '../dtype.ts'
import type { DotAxes, Ops } from '../ops-interface.ts'
import { definePrim, type PlainPrim } from '../prim.ts'
import { failShape, formatShape, range, sizeOf, stridesOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { emptyArray, FLOATS, failDType, forEachIndex, formatTypes, requireDType } from './common.ts'

type Dims = readonly number[]
/** Attrs hold plain number lists; the same four as `DotAxes`. */
type DotAttrs = { readonly [K in keyof DotAxes]: Dims }

/** Axes of an operand that are neither contracted nor batch, in order. */
export const freeAxes = (rank: number, contract: Dims, batch: Dims): number[] =>
  range(rank).filter((a) => !contract.includes(a) && !batch.includes(a))

/**
 * Batched dot product over any axes: out[b..., i..., j...] = sum over k... of a[b, i, k] * b[b, j, k].
 * The result has the batch axes first (in the order given), then the free axes of the left, then of the right.
 * Accumulates in f32 on devices.
 */
export const dot = definePrim<PlainPrim<DotAttrs>>({
  name: 'dot',
  kind: 'contract',
  infer([a, b], { lhsContract, rhsContract, lhsBatch, rhsBatch }) {
    requireDType('dot', a!, FLOATS)
    if (a!.dtype !== b!.dtype) failDType(`dot: operands differ in dtype: ${formatTypes([a!, b!])}`, 'cast one of them')
    const agree = (l: Dims, r: Dims): boolean =>
      l.length === r.length && l.every((axis, i) => a!.shape[axis] === b!.shape[r[i]!])
    if (!agree(lhsContract, rhsContract) || !agree(lhsBatch, rhsBatch)) {
      failShape(
        `dot: ${formatShape(a!.shape)} and ${formatShape(b!.shape)} do not agree over axes ` +
          `${formatShape(lhsContract)} and ${formatShape(rhsContract)}, batch ${formatShape(lhsBatch)} and ${formatShape(rhsBatch)}`,
        'contracted and batch dimensions must be equal pairwise',
      )
    }
    const pick = (shape: Dims, axes: Dims): number[] => axes.map((x) => shape[x]!)
    return [
      {
        dtype: a!.dtype,
        shape: [
          ...pick(a!.shape, lhsBatch),
          ...pick(a!.shape, freeAxes(a!.shape.length, lhsContract, lhsBatch)),
          ...pick(b!.shape, freeAxes(b!.shape.length, rhsContract, rhsBatch)),
        ],
      },
    ]
  },
  evaluate([a, b], axes, [type]) {
    const out = emptyArray(type!)
    const lhs = operandLayout(a!.shape, axes.lhsBatch, axes.lhsContract)
    const rhs = operandLayout(b!.shape, axes.rhsBatch, axes.rhsContract)
    const x = Float64Array.from({ length: a!.data.length }, (_, i) => getElement(a!, i))
    const y = Float64Array.from({ length: b!.data.length }, (_, i) => getElement(b!, i))
    let at = 0
    for (let n = 0; n < lhs.batch.length; n++) {
      for (const i of lhs.free) {
        for (const j of rhs.free) {
          const p = lhs.batch[n]! + i
          const q = rhs.batch[n]! + j
          let total = 0
          for (let k = 0; k < lhs.contract.length; k++) total += x[p + lhs.contract[k]!]! * y[q + rhs.contract[k]!]!
          setElement(out, at++, total)
        }
      }
    }
    return [out]
  },
  vjp({ o, inputs: [a, b], cts, attrs, wanted }) {
    const swapped: DotAxes = {
      lhsContract: attrs.rhsContract,
      rhsContract: attrs.lhsContract,
      lhsBatch: attrs.rhsBatch,
      rhsBatch: attrs.lhsBatch,
    }
    const nb = attrs.lhsBatch.length
    const nf = a!.rank - nb - attrs.lhsContract.length
    const ct = cts[0]!
    return [
      wanted[0] ? transposeDot(o, ct, range(ct.rank).slice(nb + nf), a!, b!, attrs) : null,
      wanted[1] ? transposeDot(o, ct, range(ct.rank).slice(nb, nb + nf), b!, a!, swapped) : null,
    ]
  },
  jvp({ o, inputs: [a, b], tangents: [ta, tb], attrs }) {
    const left = ta ? o.dot(ta, b!, attrs) : null
    const right = tb ? o.dot(a!, tb, attrs) : null
    return [left && right ? o.add(left, right) : (left ?? right)]
  },
  batch({ o, inputs: [a, b], batched, attrs }) {
    const up = (axes: Dims): number[] => axes.map((x) => x + 1)
    const { lhsContract, rhsContract, lhsBatch, rhsBatch } = attrs
    if (batched[0] && batched[1]) {
      return [
        o.dot(a!, b!, {
          lhsContract: up(lhsContract),
          rhsContract: up(rhsContract),
          lhsBatch: [0, ...up(lhsBatch)],
          rhsBatch: [0, ...up(rhsBatch)],
        }),
      ]
    }
    // With one operand batched the new axis is one of its free axes: still a single matmul.
    if (batched[0]) {
      const out = o.dot(a!, b!, { lhsContract: up(lhsContract), rhsContract, lhsBatch: up(lhsBatch), rhsBatch })
      return [o.moveAxis(out, lhsBatch.length, 0)]
    }
    const out = o.dot(a!, b!, { lhsContract, rhsContract: up(rhsContract), lhsBatch, rhsBatch: up(rhsBatch) })
    return [o.moveAxis(out, a!.rank - lhsContract.length, 0)]
  },
})

/** Cotangent of `x` in dot(x, y): contracts ct with y over y's free axes, then puts the axes in x's order. */
function transposeDot(o: Ops, ct: Tensor, ctContract: Dims, x: Tensor, y: Tensor, axes: DotAxes): Tensor {
  const yFree = freeAxes(y.rank, axes.rhsContract, axes.rhsBatch)
  const raw = o.dot(ct, y, {
    lhsContract: ctContract,
    rhsContract: yFree,
    lhsBatch: range(axes.lhsBatch.length),
    rhsBatch: axes.rhsBatch,
  })
  // raw has x's batch axes, x's free axes, then the contracted axes in the order in which they stand in y.
  const contracted = [...axes.rhsContract.keys()].sort((i, j) => axes.rhsContract[i]! - axes.rhsContract[j]!)
  const order = [
    ...axes.lhsBatch,
    ...freeAxes(x.rank, axes.lhsContract, axes.lhsBatch),
    ...contracted.map((i) => axes.lhsContract[i]!),
  ]
  return o.transpose(
    raw,
    range(x.rank).map((axis) => order.indexOf(axis)),
  )
}

/** Element offsets of an operand's batch, free and contracted positions. */
function operandLayout(
  shape: Dims,
  batch: Dims,
  contract: Dims,
): { batch: number[]; free: number[]; contract: number[] } {
  const strides = stridesOf(shape)
  const offsets = (axes: Dims): number[] => {
    const dims = axes.map((a) => shape[a]!)
    const list = new Array<number>(sizeOf(dims))
    forEachIndex(dims, (index, linear) => {
      list[linear] = index.reduce((sum, i, k) => sum + i * strides[axes[k]!]!, 0)
    })
    return list
  }
  return { batch: offsets(batch), free: offsets(freeAxes(shape.length, contract, batch)), contract: offsets(contract) }
}
