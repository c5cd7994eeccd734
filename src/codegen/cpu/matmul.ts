import { range } from '../../ir/shape.ts'
import { positionAt } from '../columns.ts'
import type { Group } from '../fusion.ts'
import type { KernelBuilder } from '../kernel-builder.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { decompose, eachK, extent, type Product, productOf, sizesOf } from '../product.ts'
import {
  ceilDiv,
  elementwiseFlops,
  Frame,
  headOf,
  type ScheduleContext,
  type Scheduled,
  type Work,
} from '../schedule.ts'
import { alongBlocks, computedColumns } from './computed-columns.ts'
import { columnsForFewRows, scheduleFewRows } from './few-rows.ts'
import { vectorLoop } from './loops.ts'
import { isSkinny, scheduleSkinny } from './skinny.ts'

/**
 * The register tile: 8 vectors of totals, 2 of columns and one of a repeated row fit the 16 registers of x86; a
 * larger one spills.
 */
const TILE_ROWS = 4
const TILE_VECTORS = 2
const TILE_COLUMNS = TILE_VECTORS * LANES

/** Elements of packed columns that a piece of work keeps at hand: half of a common second-level cache. */
const PACKED = 2 ** 17
const BLOCK_COLUMNS = 64
/** Elements of each of 8 columns that are computed in one go, where they are not stored. */
const COMPUTED = 8
/** Pieces of work to have where the rows allow: enough for a few threads to end together. */
const PIECES = 8
/** Multiply-adds of a piece: some milliseconds, as a page without workers has its turn between pieces only. */
const MOST_PRODUCTS = 2 ** 27

interface Blocks {
  readonly rows: number
  readonly columns: number
}

/**
 * A matrix product. A piece of work is a block of rows by a block of columns: its columns are packed once, in panels
 * of 8 that lie together along k; each strip of 4 rows is packed in turn and multiplied with every panel in registers.
 */
export function scheduleMatmul(work: Work, context: ScheduleContext): Scheduled {
  const group = headOf(work)
  const product = productOf(group, context)
  const few = columnsForFewRows(product, context)
  if (few) return scheduleFewRows(work, context, product, few)
  if (isSkinny(product)) return scheduleSkinny(work, context, product)
  const { m: M, n: N, k: K, batch } = sizesOf(product)
  const blocks = blocksOf(M, N, K, batch)
  // Where k goes into the millions, even a narrow block is too large to pack.
  const scratch = 4 * (packedLength(K, blocks) + TILE_ROWS * TILE_COLUMNS)
  if (scratch > context.limits.workgroupMemoryBytes) return scheduleSkinny(work, context, product)
  const frame = new Frame(work, context)
  const { k: b } = frame
  const { x } = b
  const [rowBlocks, columnBlocks] = [ceilDiv(M, blocks.rows), ceilDiv(N, blocks.columns)]

  const piece = b.share(x.builtin('group_x'), 'piece')
  const columnBlock = x.rem(piece, b.param('column_blocks', columnBlocks))
  const rest = b.share(x.div(piece, b.param('column_blocks', columnBlocks)), 'rest')
  const rowBlock = x.rem(rest, b.param('row_blocks', rowBlocks))
  const batchIndex = b.share(x.div(rest, b.param('row_blocks', rowBlocks)), 'batch')
  const rows = span(b, 'm', rowBlock, b.param('block_rows', blocks.rows), b.param('M', M))
  const columns = span(b, 'n', columnBlock, b.param('block_columns', blocks.columns), b.param('N', N))
  const origin = decompose(b, product.batch, batchIndex, 'batch')

  const tile = b.shared('tile', 'f32', TILE_ROWS * TILE_COLUMNS)
  const pack = new Packing(frame, product, origin, K, blocks)
  pack.columns(columns)
  const batchRow = b.share(x.mul(batchIndex, b.param('M', M)), 'batch_row')
  b.loop('m', rows.from, rows.to, x.constant(TILE_ROWS), (m) => {
    pack.rows(m)
    b.loop('n', columns.from, columns.to, x.constant(TILE_COLUMNS), (n) => {
      const totals = multiply(b, pack, b.share(x.sub(n, columns.from), 'panel'))
      const validRows = b.share(x.min(x.sub(rows.to, m), x.constant(TILE_ROWS)), 'rows')
      const validColumns = b.share(x.min(x.sub(columns.to, n), x.constant(TILE_COLUMNS)), 'columns')
      storeTile(frame, group, tile, totals, N, b.share(x.add(batchRow, m), 'row'), n, validRows, validColumns)
    })
  })
  const flops = 2 * batch * M * N * K
  return frame.finish('matmul', [1, 1, 1], [batch * rowBlocks * columnBlocks, 1, 1], flops + elementwiseFlops(work))
}

/** Blocks of whole tiles: columns as far as they fit the cache, rows as few as keep all threads busy. */
function blocksOf(m: number, n: number, k: number, batch: number): Blocks {
  const fitting = Math.max(1, Math.floor(PACKED / Math.max(1, k) / TILE_COLUMNS)) * TILE_COLUMNS
  const columns = Math.min(fitting, BLOCK_COLUMNS, ceilDiv(n, TILE_COLUMNS) * TILE_COLUMNS)
  const busy = ceilDiv(PIECES, batch * ceilDiv(n, columns))
  const wanted = Math.max(busy, ceilDiv(m * columns * k, MOST_PRODUCTS))
  const rows = ceilDiv(ceilDiv(m, wanted), TILE_ROWS) * TILE_ROWS
  return { rows, columns }
}

/** A strip of rows, and a block of columns. */
const packedLength = (k: number, blocks: Blocks): number => k * (TILE_ROWS + blocks.columns)

interface Span {
  readonly from: Expr
  readonly to: Expr
}

function span(b: KernelBuilder, stem: string, block: Expr, size: Expr, count: Expr): Span {
  const from = b.share(b.x.mul(block, size), `${stem}_from`)
  return { from, to: b.share(b.x.min(b.x.add(from, size), count), `${stem}_to`) }
}

/** Both operands as the inner loop reads them, in the memory of one piece of work. */
class Packing {
  readonly array: string
  private readonly b: KernelBuilder
  readonly depth: Expr
  /** Where the packed columns begin, behind a strip of rows. */
  readonly columnsAt: Expr

  constructor(
    private readonly frame: Frame,
    private readonly product: Product,
    private readonly origin: { left: Expr; right: Expr },
    K: number,
    blocks: Blocks,
  ) {
    this.b = frame.k
    this.depth = this.b.param('K', K)
    this.array = this.b.shared('packed', 'f32', packedLength(K, blocks))
    this.columnsAt = this.b.share(this.b.x.mul(this.depth, this.b.x.constant(TILE_ROWS)), 'columns_at')
  }

  /** Panel after panel of 8 columns, each of them k by k. What lies past the last column repeats it. */
  columns({ from, to }: Span): void {
    const { b, product } = this
    const { x } = b
    const base = b.share(x.add(b.param('right_offset', product.right.offset), this.origin.right), 'right_base')
    const last = b.share(x.sub(b.param('N', extent(product.n)), x.constant(1)), 'last_column')
    const computed = computedColumns(product, this.frame.context)
    b.loop('n', from, to, x.constant(TILE_COLUMNS), (n) => {
      const panel = b.share(x.add(this.columnsAt, x.mul(x.sub(n, from), this.depth)), 'panel')
      if (computed) {
        const starts = range(TILE_COLUMNS).map((c) => {
          const column = x.min(x.add(n, x.constant(c)), last)
          return b.share(x.add(base, decompose(b, product.n, column, 'n').right), 'column')
        })
        alongBlocks(b, computed, COMPUTED, (places) => {
          starts.forEach((start, c) => {
            const first = b.share(x.add(panel, x.constant(c)), 'panel_column')
            for (const at of places) {
              const value = x.cast(this.frame.emitter.operandAt(computed.base, x.add(start, at)), 'f32')
              b.storeShared(this.array, x.add(first, x.mul(at, x.constant(TILE_COLUMNS))), value)
            }
          })
        })
        return
      }
      const full = b.share(x.less(x.add(n, x.constant(TILE_COLUMNS - 1)), b.param('N', extent(product.n))), 'full')
      this.either(full, (whole) => {
        const offsets = range(TILE_VECTORS).map((v) => {
          const column = x.ramp(x.add(n, x.constant(v * LANES)))
          return x.add(base, decompose(b, product.n, whole ? column : x.min(column, last), 'n').right)
        })
        eachK(b, product.k, ({ right, k }) => {
          offsets.forEach((offset, v) => {
            const at = x.add(x.add(panel, x.mul(k, x.constant(TILE_COLUMNS))), x.constant(v * LANES))
            this.copy(product.right.base, x.add(offset, right), at)
          })
        })
      })
    })
  }

  /** A strip of 4 rows, k by k. */
  rows(m: Expr): void {
    const { b, product } = this
    const { x } = b
    const base = b.share(x.add(b.param('left_offset', product.left.offset), this.origin.left), 'left_base')
    const count = b.param('M', extent(product.m))
    this.either(b.share(x.less(x.add(m, x.constant(TILE_ROWS - 1)), count), 'full'), (whole) => {
      const row = whole ? x.ramp(m) : x.min(x.ramp(m), x.sub(count, x.constant(1)))
      const offset = x.add(base, decompose(b, product.m, row, 'm').left)
      eachK(b, product.k, ({ left, k }) => {
        this.copy(product.left.base, x.add(offset, left), x.mul(k, x.constant(TILE_ROWS)))
      })
    })
  }

  /** Indices that stay inside by themselves are known to be regular, and are read much faster. */
  private either(whole: Expr, body: (whole: boolean) => void): void {
    const { b } = this
    b.when(whole, () => body(true))
    b.when(b.x.binary('==', b.x.cast(whole, 'i32'), b.x.constant(0)), () => body(false))
  }

  private copy(from: Product['left']['base'], index: Expr, to: Expr): void {
    const { x } = this.b
    this.b.storeShared(this.array, x.ramp(to), x.cast(this.frame.emitter.operandAt(from, index), 'f32'))
  }
}

/** The totals of one tile: vectors by row. */
function multiply(b: KernelBuilder, pack: Packing, panel: Expr): Expr[][] {
  const { x } = b
  const zero = x.constant(0, 'f32')
  const start = b.share(x.add(pack.columnsAt, x.mul(panel, pack.depth)), 'panel_at')
  const totals = range(TILE_ROWS).map(() => range(TILE_VECTORS).map(() => b.variable('total', 'f32', zero, LANES)))
  b.loop('k', x.constant(0), pack.depth, x.constant(1), (k) => {
    const load = (index: Expr, stem: string): Expr => b.share(x.loadShared(pack.array, 'f32', index, b.depth), stem)
    const columns = range(TILE_VECTORS).map((v) =>
      load(x.ramp(x.add(x.add(start, x.mul(k, x.constant(TILE_COLUMNS))), x.constant(v * LANES))), 'right'),
    )
    const first = x.mul(k, x.constant(TILE_ROWS))
    totals.forEach((row, i) => {
      const left = load(x.add(first, x.constant(i)), 'left')
      row.forEach((total, v) => b.assign(total, x.fma(left, columns[v]!, total)))
    })
  })
  return totals
}

/** Passes a tile through memory, so that one short loop serves the epilogue of every row, whole or cut off. */
function storeTile(
  frame: Frame,
  group: Group,
  tile: string,
  totals: readonly (readonly Expr[])[],
  N: number,
  row: Expr,
  column: Expr,
  rows: Expr,
  columns: Expr,
): void {
  const { k: b, emitter } = frame
  const { x } = b
  const { root, hero } = group
  const result = hero!.outputs[0]!
  totals.forEach((vectors, i) => {
    vectors.forEach((total, v) => b.storeShared(tile, x.ramp(x.constant(i * TILE_COLUMNS + v * LANES)), total))
  })
  b.loop('i', x.constant(0), rows, x.constant(1), (i) => {
    vectorLoop(b, 'j', x.constant(0), columns, (j) => {
      const at = positionAt(emitter, root, N, b.share(x.add(row, i), 'row'), x.add(column, j))
      const total = x.loadShared(tile, 'f32', x.add(x.mul(i, x.constant(TILE_COLUMNS)), j), b.depth)
      emitter.bound.set(result, x.cast(b.share(total, 'total'), result.type.dtype))
      frame.storeResults(at.linear())
    })
  })
}
