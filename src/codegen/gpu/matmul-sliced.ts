import { range } from '../../ir/shape.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { decompose, extent } from '../product.ts'
import type { ProductFrame } from './product-frame.ts'

/**
 * For few rows, or few results of long sums: the threads of a workgroup share k too. Each adds up every `slices`th
 * step, and the parts are added in shared memory.
 */
export function multiplySliced(p: ProductFrame): void {
  const { k, tiling } = p
  const { x } = k
  const { rows, lanesX, slices } = tiling
  const thread = k.share(x.builtin('local_x'), 'thread')
  const alongK = p.along.right === 'k'
  // Neighbouring threads read what lies together.
  const lane = k.share(alongK ? x.div(thread, x.constant(slices)) : x.rem(thread, x.constant(lanesX)), 'lane')
  const slice = k.share(alongK ? x.rem(thread, x.constant(slices)) : x.div(thread, x.constant(lanesX)), 'slice')
  const row = k.share(x.mul(x.builtin('group_y'), x.constant(rows)), 'row', 'the first of this workgroup')
  const quad = k.share(x.add(x.mul(x.builtin('group_x'), x.constant(lanesX)), lane), 'quad', 'four columns')
  const left = range(rows).map((i) => p.start('left', x.add(row, x.constant(i))))
  const right = p.startsOfColumns(quad)
  const zero = x.constant(0, 'f32')
  const sums = left.map(() => range(alongK ? LANES : 1).map(() => k.variable('sum', 'f32', zero, LANES)))

  const K = extent(p.product.k)
  const steps = alongK ? k.param('k_vectors', K / LANES) : k.param('K', K)
  k.loop('k', slice, steps, x.constant(slices), (step) => {
    const at = alongK ? { left: step, right: step } : decompose(k, p.product.k, step, 'k')
    const values = left.map((start) => p.load('left', x.add(start, at.left)))
    const loads = right.map((start) => p.load('right', x.add(start, at.right)))
    // Along k a vector for each column; otherwise one of all four columns.
    const columns = alongK || loads.length === 1 ? loads : [k.share(x.pack(loads), 'columns')]
    sums.forEach((parts, i) => {
      parts.forEach((sum, c) => k.assign(sum, x.fma(values[i]!, columns[c]!, sum)))
    })
  })
  addSlices(p, thread, row, sums.map(vectorOf(p)), (i) =>
    x.add(x.mul(x.add(x.mul(slice, x.constant(rows)), x.constant(i)), x.constant(lanesX)), lane),
  )
}

const vectorOf =
  ({ k: { x } }: ProductFrame) =>
  (parts: readonly Expr[]): Expr =>
    parts.length === 1 ? parts[0]! : x.pack(parts.map((part) => x.across('sum', part)))

/** Adds the parts of all slices, and stores: the results of the workgroup are shared out among its threads. */
function addSlices(
  p: ProductFrame,
  thread: Expr,
  row: Expr,
  parts: readonly Expr[],
  placeOf: (i: number) => Expr,
): void {
  const { k, tiling } = p
  const { x } = k
  const { rows, lanesX, slices } = tiling
  const columns = lanesX * LANES
  const array = k.shared('parts', 'f32', slices * rows * columns)
  parts.forEach((part, i) => {
    const at = k.share(x.mul(placeOf(i), x.constant(LANES)), 'at')
    k.storeShared(array, x.ramp(at), k.share(part, 'part'))
  })
  k.barrier()
  k.loop('result', thread, x.constant(rows * columns), x.constant(lanesX * slices), (result) => {
    const total = k.variable('total', 'f32', x.constant(0, 'f32'))
    k.loop('s', x.constant(0), x.constant(slices), x.constant(1), (s) => {
      const at = x.add(x.mul(s, x.constant(rows * columns)), result)
      k.assign(total, x.foldMonoid('sum', total, x.loadShared(array, 'f32', at, k.depth)))
    })
    const m = k.share(x.add(row, x.div(result, x.constant(columns))), 'm')
    const first = x.mul(x.builtin('group_x'), x.constant(columns))
    const n = k.share(x.add(first, x.rem(result, x.constant(columns))), 'n')
    // What the epilogue reads may be read before the condition: at the last row or column, in bounds.
    const last = (at: Expr, count: Expr): Expr => k.share(x.min(at, x.sub(count, x.constant(1))), 'inside')
    const [inRow, inColumn] = [last(m, p.rows), last(n, p.columns)]
    k.when(x.and(x.less(m, p.rows), x.less(n, p.columns)), () => p.store(inRow, inColumn, total))
  })
}
