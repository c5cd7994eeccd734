import { range } from '../../ir/shape.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { eachK } from '../product.ts'
import type { ProductFrame } from './product-frame.ts'

/**
 * Every thread keeps a tile of totals in registers and reads its columns for itself. Rows too, or, where the threads of
 * a subgroup are neighbours along columns and so want the same rows, each of them reads one and tells the others.
 */
export function multiplyInRegisters(p: ProductFrame, subgroupSize: number | null): void {
  const { k, tiling } = p
  const { x } = k
  const quadCount = tiling.columns / LANES
  const localY = tiling.lanesY === 1 ? x.constant(0) : x.builtin('local_y')
  const line = x.add(x.mul(x.builtin('group_y'), x.constant(tiling.lanesY)), localY)
  const row = k.share(x.mul(line, x.constant(tiling.rows)), 'row', 'the first of this thread')
  const firstQuad = x.add(x.mul(x.builtin('group_x'), x.constant(tiling.lanesX * quadCount)), x.builtin('local_x'))
  const quads = range(quadCount).map((q) =>
    k.share(x.add(firstQuad, x.constant(q * tiling.lanesX)), 'quad', 'four columns'),
  )
  const perLoad = tiling.form === 'broadcast' ? subgroupSize! : 1
  const lane = tiling.form === 'broadcast' ? x.builtin('subgroup_lane') : x.constant(0)
  const left = range(tiling.rows / perLoad).map((i) =>
    p.start('left', x.add(row, x.add(x.constant(i * perLoad), lane))),
  )
  const right = quads.map((quad) => p.startsOfColumns(quad))
  const zero = x.constant(0, 'f32')
  const totals = range(tiling.rows).map(() => quads.map(() => k.variable('total', 'f32', zero, LANES)))
  eachK(k, p.product.k, (at) => {
    const own = left.map((start) => p.load('left', x.add(start, at.left)))
    const columns = right.map((starts) => {
      const loads = starts.map((start) => p.load('right', x.add(start, at.right)))
      return loads.length === 1 ? loads[0]! : k.share(x.pack(loads), 'columns')
    })
    totals.forEach((vectors, i) => {
      const l = own[Math.floor(i / perLoad)]!
      const all: Expr = perLoad === 1 ? l : k.share(x.broadcast(l, i % perLoad), 'row_value')
      vectors.forEach((total, q) => k.assign(total, x.fma(all, columns[q]!, total)))
    })
  })
  p.storeTile(row, quads, totals)
}
