import type { Value } from '../../ir/graph.ts'
import { range } from '../../ir/shape.ts'
import type { KernelBuilder } from '../kernel-builder.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { extent, type Product } from '../product.ts'
import { rowsShared } from '../prologue.ts'
import type { ScheduleContext } from '../schedule.ts'

/** The right operand, where it is computed in vectors along k. */
export interface ComputedColumns {
  readonly base: Value
  readonly K: number
  /** Elements in a row that share the most of what they are made of: a scale. */
  readonly block: number
}

export const contiguousAlongK = ({ k }: Product): boolean => k.length === 1 && k[0]!.left === 1 && k[0]!.right === 1

export function computedColumns(product: Product, context: ScheduleContext): ComputedColumns | null {
  const { base } = product.right
  const K = extent(product.k)
  if (context.stored(base) || product.k.length !== 1 || product.k[0]!.right !== 1 || K % LANES !== 0) return null
  return { base, K, block: Math.max(LANES, ...rowsShared(base, context).filter((n) => K % n === 0 && n % LANES === 0)) }
}

/**
 * Goes along k, block by block, so that what a block shares is read once: some vectors at a time, as many as fit
 * `most` elements. Their indices along k are what `body` is called with.
 */
export function alongBlocks(
  b: KernelBuilder,
  { K, block }: ComputedColumns,
  most: number,
  body: (places: readonly Expr[]) => void,
): void {
  const { x } = b
  const step = [32, 16, 8].find((size) => size <= most && block % size === 0) ?? LANES
  const length = b.param('block', block)
  b.loop('k_block', x.constant(0), b.param('K', K), length, (begin) => {
    // A block that is one step is no loop.
    b.loop('k', x.constant(0), step === block ? x.constant(1) : length, x.constant(step), (k) => {
      body(range(step / LANES).map((u) => x.add(x.add(begin, k), x.ramp(x.constant(u * LANES)))))
    })
  })
}
