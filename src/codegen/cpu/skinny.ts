import { range } from '../../ir/shape.ts'
import { positionAt } from '../columns.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { decompose, eachK, extent, type Product, sizesOf } from '../product.ts'
import { elementwiseFlops, Frame, headOf, type ScheduleContext, type Scheduled, type Work } from '../schedule.ts'
import { contiguousAlongK } from './computed-columns.ts'
import { cut, eachRow, vectorLoop, wholeOf } from './loops.ts'

/** Below this many rows or columns a tile of the general product would stand half empty. */
const FEW = 4
/** Results computed side by side. */
const SIDE_BY_SIDE = 4

export function isSkinny(product: Product): boolean {
  const [m, n] = [extent(product.m), extent(product.n)]
  return m < FEW || (n < FEW && contiguousAlongK(product))
}

/**
 * A product with few rows (a step of decoding, a matrix times a vector): every element of the other operand is used
 * but a few times, so that it is read where it lies, and the time is that of reading it once.
 */
export function scheduleSkinny(work: Work, context: ScheduleContext, product: Product): Scheduled {
  const group = headOf(work)
  const frame = new Frame(work, context)
  const { k: b, emitter } = frame
  const { x } = b
  const { root } = group
  const result = group.hero!.outputs[0]!
  const { m: M, n: N, k: K, batch } = sizesOf(product)
  const along = contiguousAlongK(product)
  const pieces = cut(batch * M, N, K, SIDE_BY_SIDE * LANES)

  eachRow(b, batch * M, N, pieces, (row, from, to) => {
    const origin = decompose(b, product.batch, b.share(x.div(row, b.param('M', M)), 'batch'), 'batch')
    const m = b.share(x.rem(row, b.param('M', M)), 'm')
    const rowAt = decompose(b, product.m, m, 'm').left
    const left = b.share(x.add(b.param('left_offset', product.left.offset), x.add(origin.left, rowAt)), 'left')
    const right = b.share(x.add(b.param('right_offset', product.right.offset), origin.right), 'right')
    const rightAt = (n: Expr): Expr => b.share(x.add(right, decompose(b, product.n, n, 'n').right), 'column')
    const load = (v: typeof root, index: Expr): Expr => b.share(x.cast(emitter.operandAt(v, index), 'f32'), 'x')

    const store = (n: Expr, total: Expr): void => {
      const at = positionAt(emitter, root, N, row, n)
      emitter.bound.set(result, x.cast(total, result.type.dtype))
      frame.storeResults(at.linear())
    }

    /** Results at some columns, each a vector of partial sums along k. */
    const dot = (columns: readonly Expr[]): void => {
      const starts = columns.map(rightAt)
      const zero = x.constant(0, 'f32')
      const vectors = columns.map(() => b.variable('totals', 'f32', zero, LANES))
      const scalars = columns.map(() => b.variable('total', 'f32', zero))
      vectorLoop(b, 'k', x.constant(0), b.param('K', K), (k) => {
        const l = load(product.left.base, x.add(left, k))
        starts.forEach((start, c) => {
          const total = (k.lanes === LANES ? vectors : scalars)[c]!
          b.assign(total, x.fma(l, load(product.right.base, x.add(start, k)), total))
        })
      })
      columns.forEach((n, c) => {
        store(n, b.share(x.foldMonoid('sum', x.across('sum', vectors[c]!), scalars[c]!), 'total'))
      })
    }

    /** Results at vectors of neighbouring columns. */
    const accumulate = (columns: readonly Expr[]): void => {
      const starts = columns.map(rightAt)
      const totals = columns.map((n) => b.variable('total', 'f32', x.constant(0, 'f32'), n.lanes))
      eachK(b, product.k, (at) => {
        const l = load(product.left.base, x.add(left, at.left))
        starts.forEach((start, c) => {
          b.assign(totals[c]!, x.fma(l, load(product.right.base, x.add(start, at.right)), totals[c]!))
        })
      })
      columns.forEach((n, c) => store(n, totals[c]!))
    }

    const width = x.constant(along ? SIDE_BY_SIDE : SIDE_BY_SIDE * LANES)
    const whole = wholeOf(b, 'n', from, to, width)
    b.loop('n', from, whole, width, (n) => {
      if (along) dot(range(SIDE_BY_SIDE).map((c) => x.add(n, x.constant(c))))
      else accumulate(range(SIDE_BY_SIDE).map((c) => x.ramp(x.add(n, x.constant(c * LANES)))))
    })
    if (along) b.loop('n', whole, to, x.constant(1), (n) => dot([n]))
    else vectorLoop(b, 'n', whole, to, (n) => accumulate([n]))
  })
  const flops = 2 * batch * M * N * K
  return frame.finish('matvec', [1, 1, 1], [pieces.count, 1, 1], flops + elementwiseFlops(work))
}
