import type { DotAxes } from '../ir/ops-interface.ts'
import { freeAxes } from '../ir/prims/dot.ts'
import { sizeOf } from '../ir/shape.ts'
import { type AffineAccess, affineAccess } from './affine.ts'
import type { Group } from './fusion.ts'
import type { KernelBuilder } from './kernel-builder.ts'
import type { Expr } from './kernel-ir.ts'
import type { ScheduleContext } from './schedule.ts'

/** A run of axes with one stride in each operand (0 where the operand does not have them). */
export interface Dim {
  readonly size: number
  readonly left: number
  readonly right: number
}

/** The product as out[b, m, n] = sum over k of left[b, m, k] * right[b, n, k], each letter a list of dims. */
export interface Product {
  readonly left: AffineAccess
  readonly right: AffineAccess
  readonly batch: readonly Dim[]
  readonly m: readonly Dim[]
  readonly n: readonly Dim[]
  readonly k: readonly Dim[]
}

/** Elements along a list of dims. */
export const extent = (dims: readonly Dim[]): number => sizeOf(dims.map((d) => d.size))

/** The sizes of a product. */
export interface ProductSizes {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
}

export const sizesOf = ({ batch, m, n, k }: Product): ProductSizes => ({
  batch: extent(batch),
  m: extent(m),
  n: extent(n),
  k: extent(k),
})

/** The product that a group computes, with its operands as they lie in memory. */
export function productOf(group: Group, context: ScheduleContext): Product {
  const hero = group.hero!
  const [l, r] = hero.inputs
  const axes = hero.attrs as unknown as DotAxes
  const left = affineAccess(l!, context.producer, context.stored)
  const right = affineAccess(r!, context.producer, context.stored)
  const size = (axis: number): number => l!.type.shape[axis]!
  const free = (rank: number, contract: readonly number[], batch: readonly number[]): number[] =>
    freeAxes(rank, contract, batch)
  return {
    left,
    right,
    batch: merge(
      axes.lhsBatch.map((a, i) => ({
        size: size(a),
        left: left.strides[a]!,
        right: right.strides[axes.rhsBatch[i]!]!,
      })),
    ),
    m: merge(
      free(l!.type.shape.length, axes.lhsContract, axes.lhsBatch).map((a) => ({
        size: size(a),
        left: left.strides[a]!,
        right: 0,
      })),
    ),
    n: merge(
      free(r!.type.shape.length, axes.rhsContract, axes.rhsBatch).map((a) => ({
        size: r!.type.shape[a]!,
        left: 0,
        right: right.strides[a]!,
      })),
    ),
    k: merge(
      axes.lhsContract.map((a, i) => ({
        size: size(a),
        left: left.strides[a]!,
        right: right.strides[axes.rhsContract[i]!]!,
      })),
    ),
  }
}

/** Joins neighbouring axes that both operands walk as one; drops axes of size 1. */
function merge(dims: readonly Dim[]): Dim[] {
  const out: Dim[] = []
  for (const d of dims) {
    if (d.size === 1) continue
    const last = out.at(-1)
    if (last && last.left === d.left * d.size && last.right === d.right * d.size) {
      out[out.length - 1] = { ...d, size: last.size * d.size }
    } else {
      out.push(d)
    }
  }
  return out
}

/** Offsets in both operands of the i-th element of a list of dims. */
export function decompose(
  b: KernelBuilder,
  dims: readonly Dim[],
  i: Expr,
  stem: string,
  role = stem,
): { left: Expr; right: Expr } {
  const { x } = b
  let left = x.constant(0)
  let right = x.constant(0)
  let inner = 1
  for (let d = dims.length - 1; d >= 0; d--) {
    const dim = dims[d]!
    let index = inner === 1 ? i : x.div(i, b.param(`${role}_inner${d}`, inner))
    if (d > 0) index = x.rem(index, b.param(`${role}_size${d}`, dim.size))
    index = b.share(index, stem)
    left = x.add(left, x.mul(index, b.param(`${role}_left${d}`, dim.left)))
    right = x.add(right, x.mul(index, b.param(`${role}_right${d}`, dim.right)))
    inner *= dim.size
  }
  return { left, right }
}

/** Nested loops over the contracted dims, with the offsets in both operands and the number of the step. */
export function eachK(
  b: KernelBuilder,
  dims: readonly Dim[],
  body: (at: { left: Expr; right: Expr; k: Expr }) => void,
): void {
  const { x } = b
  const nest = (level: number, left: Expr, right: Expr, k: Expr): void => {
    const dim = dims[level]
    if (!dim) {
      body({ left, right, k })
      return
    }
    const size = b.param(`k_size${level}`, dim.size)
    b.loop('k', x.constant(0), size, x.constant(1), (i) => {
      const l = x.add(left, x.mul(i, b.param(`k_left${level}`, dim.left)))
      const r = x.add(right, x.mul(i, b.param(`k_right${level}`, dim.right)))
      const step = level === 0 ? i : x.add(x.mul(k, size), i)
      const inner = level + 1 < dims.length
      nest(level + 1, inner ? b.share(l, 'left') : l, inner ? b.share(r, 'right') : r, b.share(step, 'step'))
    })
  }
  nest(0, x.constant(0), x.constant(0), x.constant(0))
}
