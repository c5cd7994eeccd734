import { range } from '../../ir/shape.ts'
import type { KernelBuilder } from '../kernel-builder.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { decompose, extent, type Product } from '../product.ts'
import { Frame, headOf, type ScheduleContext, type Work } from '../schedule.ts'
import { type Along, inVectors, type Side } from './operands.ts'
import type { Tiling } from './tilings.ts'

/** What all forms of a product share: where operands begin, how they are read, and how results are stored. */
export class ProductFrame {
  readonly frame: Frame
  readonly k: KernelBuilder
  /** Counted in vectors where an operand is read in vectors. */
  readonly product: Product
  readonly M: number
  readonly N: number
  readonly batch: Expr
  private readonly origins: { readonly left: Expr; readonly right: Expr }

  constructor(
    private readonly work: Work,
    context: ScheduleContext,
    product: Product,
    readonly tiling: Tiling,
    readonly along: { readonly left: Along; readonly right: Along },
  ) {
    this.frame = new Frame(work, context)
    this.k = this.frame.k
    this.M = extent(product.m)
    this.N = extent(product.n)
    this.product = inVectors(inVectors(product, 'left', along.left), 'right', along.right)
    const { k } = this
    const { x } = k
    this.batch = k.share(x.builtin('group_z'), 'batch')
    const origin = decompose(k, this.product.batch, this.batch, 'batch')
    const begin = (side: Side): Expr =>
      k.share(x.add(k.param(`${side}_offset`, this.product[side].offset), origin[side]), `${side}_base`)
    this.origins = { left: begin('left'), right: begin('right') }
  }

  get rows(): Expr {
    return this.k.param('M', this.M)
  }
  get columns(): Expr {
    return this.k.param('N', this.N)
  }

  /** Where a row of the left operand, or a column of the right one (or a vector of either) begins. */
  start(side: Side, i: Expr): Expr {
    const { k, product } = this
    const dims = side === 'left' ? product.m : product.n
    const count = k.x.sub(this.count(side), k.x.constant(1))
    // Past the end the last one is read, in bounds, and its results are not stored.
    const inside = k.share(k.x.min(i, count), side === 'left' ? 'row' : 'column')
    const at = decompose(k, dims, inside, side === 'left' ? 'm' : 'n')[side]
    return k.share(k.x.add(this.origins[side], at), side)
  }

  private count(side: Side): Expr {
    const isLeft = side === 'left'
    if (this.along[side] !== 'free') return isLeft ? this.rows : this.columns
    return isLeft ? this.k.param('M_vectors', this.M / LANES) : this.k.param('N_vectors', this.N / LANES)
  }

  /** Where four neighbouring columns of the right operand begin: one place if they are one load, else one for each. */
  startsOfColumns(quad: Expr): readonly Expr[] {
    const { x } = this.k
    if (this.along.right === 'free') return [this.start('right', quad)]
    return range(LANES).map((c) => this.start('right', x.add(x.mul(quad, x.constant(LANES)), x.constant(c))))
  }

  /** The element or vector at an offset, which counts vectors where the operand is read in vectors. */
  load(side: Side, at: Expr): Expr {
    const { k, product, along } = this
    const { x } = k
    const index = along[side] === 'none' ? at : x.ramp(x.mul(at, x.constant(LANES)))
    return k.share(x.cast(this.frame.emitter.operandAt(product[side].base, index), 'f32'), side)
  }

  /** The result of the product at a row and a column, and all that follows from it, stored. */
  store(row: Expr, column: Expr, total: Expr): void {
    const { k, frame, N } = this
    const { x } = k
    const line = k.share(x.add(x.mul(this.batch, this.rows), row), 'line')
    const linear = k.share(x.add(x.mul(line, this.columns), column), 'out')
    k.splits.set(linear, { inner: N, column, row: () => line })
    const result = headOf(this.work).hero!.outputs[0]!
    frame.emitter.bound.set(result, x.cast(total, result.type.dtype))
    frame.storeResults(linear)
  }

  /**
   * A thread's tile of results, vectors by row. It passes through an array, so that one short loop serves the
   * epilogue of every result. The loops end where the product does: no result is computed to be thrown away.
   */
  storeTile(row: Expr, quads: readonly Expr[], totals: readonly (readonly Expr[])[]): void {
    const { k, tiling } = this
    const { x } = k
    const tile = k.ofThread('tile', 'f32', tiling.rows * tiling.columns)
    totals.forEach((vectors, i) => {
      vectors.forEach((total, q) => {
        k.storeShared(tile, x.ramp(x.constant(i * tiling.columns + q * LANES)), total)
      })
    })
    // Params rather than constants: a driver that knew how often it goes round would unroll it, and compile for seconds.
    const upTo = (most: Expr, left: Expr, stem: string): Expr => k.share(x.min(most, left), stem)
    const rowsHere = upTo(k.param('tile_rows', tiling.rows), x.sub(this.rows, row), 'rows_here')
    const lanes = k.param('lanes', LANES)
    const ends = quads.map((quad) => upTo(lanes, x.sub(this.columns, x.mul(quad, x.constant(LANES))), 'columns_here'))
    k.loop('i', x.constant(0), rowsHere, x.constant(1), (i) => {
      for (const q of range(quads.length)) {
        k.loop('j', x.constant(0), ends[q]!, x.constant(1), (j) => {
          const at = x.add(x.mul(i, x.constant(tiling.columns)), x.add(x.constant(q * LANES), j))
          const total = k.share(x.loadShared(tile, 'f32', at, k.depth), 'total')
          const column = k.share(x.add(x.mul(quads[q]!, x.constant(LANES)), j), 'n')
          this.store(k.share(x.add(row, i), 'm'), column, total)
        })
      }
    })
  }
}
