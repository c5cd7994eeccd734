import type { Value } from '../../ir/graph.ts'
import { range } from '../../ir/shape.ts'
import { positionAt } from '../columns.ts'
import { addProducts } from '../factored.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { decompose, extent, type Product, sizesOf } from '../product.ts'
import { elementwiseFlops, Frame, headOf, type ScheduleContext, type Scheduled, type Work } from '../schedule.ts'
import { alongBlocks, type ComputedColumns, computedColumns, contiguousAlongK } from './computed-columns.ts'
import { cut, eachRow, wholeOf } from './loops.ts'

/** Rows whose totals are kept at once; more are better multiplied by packed columns. */
const MOST_ROWS = 8
/** Columns computed side by side. */
const ABREAST = 4
/** Elements of a column that are computed in one go, at most. */
const MOST_ELEMENTS = 32

/** The columns, if this is a product of few rows by columns that are computed where they are read. */
export function columnsForFewRows(product: Product, context: ScheduleContext): ComputedColumns | null {
  const isFew = extent(product.m) <= MOST_ROWS && contiguousAlongK(product)
  return isFew ? computedColumns(product, context) : null
}

/**
 * A product of few rows by columns that have a prologue. Each element of a column is computed once, and multiplied with
 * all rows; what several of them have as a factor (a scale) multiplies their sum.
 */
export function scheduleFewRows(
  work: Work,
  context: ScheduleContext,
  product: Product,
  computed: ComputedColumns,
): Scheduled {
  const frame = new Frame(work, context)
  const { k: b, emitter } = frame
  const { x } = b
  const { root, hero } = headOf(work)
  const result = hero!.outputs[0]!
  const { m: M, n: N, k: K, batch } = sizesOf(product)
  const pieces = cut(batch, N, K * M, ABREAST)
  const load = (v: Value, index: Expr): Expr => b.share(x.cast(emitter.operandAt(v, index), 'f32'), 'x')

  eachRow(b, batch, N, pieces, (batchIndex, from, to) => {
    const origin = decompose(b, product.batch, batchIndex, 'batch')
    const left = b.share(x.add(b.param('left_offset', product.left.offset), origin.left), 'left')
    const right = b.share(x.add(b.param('right_offset', product.right.offset), origin.right), 'right')
    const rows = range(M).map((m) => b.share(x.add(left, decompose(b, product.m, x.constant(m), 'm').left), 'row'))

    const dot = (columns: readonly Expr[]): void => {
      const starts = columns.map((n) => b.share(x.add(right, decompose(b, product.n, n, 'n').right), 'column'))
      const zero = x.constant(0, 'f32')
      const totals = rows.map(() => columns.map(() => b.variable('total', 'f32', zero, LANES)))
      alongBlocks(b, computed, MOST_ELEMENTS, (places) => {
        const values = starts.map((start) => places.map((at) => load(computed.base, x.add(start, at))))
        rows.forEach((row, m) => {
          const own = places.map((at) => load(product.left.base, x.add(row, at)))
          values.forEach((column, c) => b.assign(totals[m]![c]!, addProducts(b, totals[m]![c]!, own, column)))
        })
      })
      totals.forEach((vectors, m) => {
        const line = b.share(x.add(x.mul(batchIndex, b.param('M', M)), x.constant(m)), 'line')
        vectors.forEach((vector, c) => {
          const at = positionAt(emitter, root, N, line, columns[c]!)
          emitter.bound.set(result, x.cast(b.share(x.across('sum', vector), 'total'), result.type.dtype))
          frame.storeResults(at.linear())
        })
      })
    }

    const width = x.constant(ABREAST)
    const whole = wholeOf(b, 'n', from, to, width)
    b.loop('n', from, whole, width, (n) => dot(range(ABREAST).map((c) => x.add(n, x.constant(c)))))
    b.loop('n', whole, to, x.constant(1), (n) => dot([n]))
  })
  const flops = 2 * batch * M * N * K
  return frame.finish('few_rows', [1, 1, 1], [pieces.count, 1, 1], flops + elementwiseFlops(work))
}
