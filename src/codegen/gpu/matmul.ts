import { type Product, productOf, sizesOf } from '../product.ts'
import { ceilDiv, elementwiseFlops, headOf, type ScheduleContext, type Scheduled, type Work } from '../schedule.ts'
import { chooseTiling } from './choose-tiling.ts'
import { multiplyInRegisters } from './matmul-registers.ts'
import { multiplySliced } from './matmul-sliced.ts'
import { multiplyStaged } from './matmul-staged.ts'
import { type Along, runsAlong, type Side } from './operands.ts'
import { ProductFrame } from './product-frame.ts'
import type { Tiling } from './tilings.ts'

/** A matrix product: a tile of results for each thread, and the epilogue applied to each. */
export function scheduleMatmul(work: Work, context: ScheduleContext): Scheduled {
  const product = productOf(headOf(work), context)
  const sizes = sizesOf(product)
  const { batch, m, n, k } = sizes
  const { tiling, why } = chooseTiling(sizes, context.limits)
  const p = new ProductFrame(work, context, product, tiling, vectorsOf(product, tiling))
  if (tiling.form === 'staged') multiplyStaged(p)
  else if (tiling.form === 'sliced') multiplySliced(p)
  else multiplyInRegisters(p, context.limits.gpu?.subgroupSize ?? null)
  const scheduled = p.frame.finish(
    `matmul_${tiling.name.replaceAll(' ', '_')}`,
    [tiling.lanesX * tiling.slices, tiling.lanesY, 1],
    [ceilDiv(n, tiling.columns * tiling.lanesX), ceilDiv(m, tiling.rows * tiling.lanesY), batch],
    2 * batch * m * n * k + elementwiseFlops(work),
  )
  const comments = [...scheduled.kernel.comments, describe(tiling)]
  return { ...scheduled, kernel: { ...scheduled.kernel, comments }, choice: why }
}

function describe({ rows, columns, lanesX, lanesY, slices, depth }: Tiling): string {
  const threads = `${lanesX} x ${lanesY} threads of ${columns} columns and ${rows} rows each`
  const shared = depth > 1 ? `, ${depth} steps of k at a time` : ''
  return `${threads}${slices > 1 ? `, ${slices} times over, which share k` : ''}${shared}`
}

/** How the operands are read: in vectors wherever they lie so that a tiling can use them. */
function vectorsOf(product: Product, tiling: Tiling): { readonly left: Along; readonly right: Along } {
  const first = (side: Side, ways: readonly ('free' | 'k')[]): Along =>
    ways.find((along) => runsAlong(product, side, along)) ?? 'none'
  switch (tiling.form) {
    case 'registers':
    case 'broadcast':
      return { left: 'none', right: first('right', ['free']) }
    case 'staged':
      return { left: first('left', ['free', 'k']), right: first('right', ['free', 'k']) }
    case 'sliced': {
      const both = runsAlong(product, 'left', 'k') && runsAlong(product, 'right', 'k')
      return both ? { left: 'k', right: 'k' } : { left: 'none', right: first('right', ['free']) }
    }
  }
}
