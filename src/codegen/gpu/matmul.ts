import type { KernelBuilder } from '../kernel-builder.ts'
import type { Expr } from '../kernel-ir.ts'
import { type Dim, decompose, extent, productOf } from '../product.ts'
import {
  ceilDiv,
  elementwiseFlops,
  Frame,
  headOf,
  type ScheduleContext,
  type Scheduled,
  type Work,
} from '../schedule.ts'

interface Tiling {
  /** Threads of a workgroup along columns and rows. */
  readonly lanesX: number
  readonly lanesY: number
  /** Results per thread. */
  readonly rows: number
  readonly columns: number
}

/** Up to this many results per thread along either axis. */
const TILE = 4

/** 64 threads, laid out so that few columns (a head's features) or few rows (a decoding step) leave none idle. */
function tilingOf(m: number, n: number): Tiling {
  const lanesX = n <= 4 * TILE ? 4 : 16
  const lanesY = 64 / lanesX
  const perThread = (size: number, lanes: number): number => (size >= TILE * lanes ? TILE : size > lanes ? 2 : 1)
  return { lanesX, lanesY, rows: perThread(m, lanesY), columns: perThread(n, lanesX) }
}

/** A matrix product: every thread keeps a tile of results in registers, and the epilogue is applied to each. */
export function scheduleMatmul(work: Work, context: ScheduleContext): Scheduled {
  const frame = new Frame(work, context)
  const group = headOf(work)
  const { k: b, emitter } = frame
  const { x } = b
  const result = group.hero!.outputs[0]!
  const product = productOf(group, context)
  const [M, N] = [extent(product.m), extent(product.n)]
  const tile = tilingOf(M, N)
  const tileRows = tile.rows * tile.lanesY
  const tileColumns = tile.columns * tile.lanesX
  const rows = b.param('M', M)
  const columns = b.param('N', N)

  const origin = decompose(b, product.batch, b.share(x.builtin('group_z'), 'batch'), 'batch')
  const baseLeft = b.share(x.add(b.param('left_offset', product.left.offset), origin.left), 'left_base')
  const baseRight = b.share(x.add(b.param('right_offset', product.right.offset), origin.right), 'right_base')

  const line = (group: Expr, lanes: number, lane: Expr, i: number, size: number): Expr =>
    x.add(x.add(x.mul(group, x.constant(size)), lane), x.constant(i * lanes))
  const rowIds = Array.from({ length: tile.rows }, (_, i) =>
    b.share(line(x.builtin('group_y'), tile.lanesY, x.builtin('local_y'), i, tileRows), 'm'),
  )
  const columnIds = Array.from({ length: tile.columns }, (_, j) =>
    b.share(line(x.builtin('group_x'), tile.lanesX, x.builtin('local_x'), j, tileColumns), 'n'),
  )
  // Rows and columns past the end are read at the last one, in bounds, and not stored.
  const inRow = rowIds.map((m) => b.share(x.min(m, x.sub(rows, x.constant(1))), 'row'))
  const inColumn = columnIds.map((n) => b.share(x.min(n, x.sub(columns, x.constant(1))), 'column'))
  const leftRows = inRow.map((m, i) => b.share(x.add(baseLeft, decompose(b, product.m, m, `m${i}`, 'm').left), 'left'))
  const rightColumns = inColumn.map((n, j) =>
    b.share(x.add(baseRight, decompose(b, product.n, n, `n${j}`, 'n').right), 'right'),
  )

  const totals = rowIds.map(() => columnIds.map(() => b.variable('total', 'f32', x.constant(0, 'f32'))))
  contract(b, product.k, 0, x.constant(0), x.constant(0), (leftK, rightK) => {
    const l = leftRows.map((at) => b.share(x.cast(emitter.loadAt(product.left.base, x.add(at, leftK)), 'f32'), 'l'))
    const r = rightColumns.map((at) =>
      b.share(x.cast(emitter.loadAt(product.right.base, x.add(at, rightK)), 'f32'), 'r'),
    )
    totals.forEach((row, i) => {
      row.forEach((total, j) => b.assign(total, x.foldMonoid('sum', total, x.mul(l[i]!, r[j]!))))
    })
  })

  const batchOffset = x.mul(x.builtin('group_z'), rows)
  rowIds.forEach((m, i) => {
    columnIds.forEach((n, j) => {
      const inside = x.and(x.less(m, rows), x.less(n, columns))
      b.when(inside, () => {
        const linear = b.share(x.add(x.mul(x.add(batchOffset, inRow[i]!), columns), inColumn[j]!), 'out')
        emitter.bound.set(result, x.cast(totals[i]![j]!, result.type.dtype))
        frame.storeResults(linear)
      })
    })
  })
  const flops = 2 * extent(product.batch) * M * N * extent(product.k)
  return frame.finish(
    `matmul_${tile.rows * tile.lanesY}x${tile.columns * tile.lanesX}`,
    [tile.lanesX, tile.lanesY, 1],
    [ceilDiv(N, tileColumns), ceilDiv(M, tileRows), extent(product.batch)],
    flops + elementwiseFlops(work),
  )
}

/** Nested loops over the contracted dims. */
function contract(
  b: KernelBuilder,
  dims: readonly Dim[],
  level: number,
  left: Expr,
  right: Expr,
  body: (left: Expr, right: Expr) => void,
): void {
  const dim = dims[level]
  if (!dim) {
    body(left, right)
    return
  }
  const { x } = b
  b.loop('k', x.constant(0), b.param(`k_size${level}`, dim.size), x.constant(1), (i) => {
    const l = b.share(x.add(left, x.mul(i, b.param(`k_left${level}`, dim.left))), 'k_left')
    const r = b.share(x.add(right, x.mul(i, b.param(`k_right${level}`, dim.right))), 'k_right')
    contract(b, dims, level + 1, l, r, body)
  })
}
