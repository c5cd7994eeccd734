import { range } from '../../ir/shape.ts'
import type { AttentionOperands, Rows } from '../attention-operands.ts'
import type { KernelBuilder } from '../kernel-builder.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { ceilDiv } from '../schedule.ts'
import { Scratch } from './scratch-regions.ts'

/**
 * What attention on the processor is made of. One side of the scores, queries or keys, lies across the lanes of vectors,
 * so that no vector is ever folded: a block of its positions is kept in scratch memory, in panels of 8 lanes that lie
 * together row by row, and all that is made of it lies likewise. The other side goes by in strips of 4, as in a matrix
 * product.
 */

/** The register tile: 4 rows by 2 vectors of lanes, as in `matmul.ts`. */
const STRIP = 4
const PANEL_VECTORS = 2
export const PANEL = PANEL_VECTORS * LANES

/** A matrix in scratch memory: rows by the lanes of a block, panel after panel. */
export interface Region {
  readonly at: Expr
  /** Elements of a panel. */
  readonly panel: Expr
}

/** Positions from, ..., from + count - 1 of those below `end`. */
export interface Span {
  readonly from: Expr
  readonly count: Expr
  readonly end: Expr
  /** Of its panels those from the one up to the other alone; all, unless said. */
  readonly panels?: { readonly from: Expr; readonly to: Expr }
}

/** The operand of a product that lies in a buffer: element (row, step) at start + row * rowStride + step * stepStride. */
export interface Left {
  load(index: Expr): Expr
  readonly start: Expr
  readonly rowStride: Expr
  readonly stepStride: Expr
  readonly rows: Expr
  readonly steps: Expr
}

/** A panel of lanes in the innermost loops. */
export interface Panel {
  readonly number: Expr
  /** Its vectors of lanes, counted from the first lane of the block. */
  readonly lanes: readonly Expr[]
}

export class AttentionBlock {
  readonly scratch: Scratch
  readonly k: KernelBuilder
  private readonly strip: Expr

  /** `size`: lanes of a block; `steps`: the longest contraction of any product. */
  constructor(
    private readonly operands: AttentionOperands,
    readonly size: number,
    steps: number,
  ) {
    this.k = operands.frame.k
    this.scratch = new Scratch(this.k)
    this.strip = this.scratch.region('strip', STRIP * steps)
  }

  /** A region of some rows, rounded up to whole strips. */
  matrix(name: string, rows: number): Region {
    const panel = ceilDiv(rows, STRIP) * STRIP * PANEL
    return {
      at: this.scratch.region(name, panel * ceilDiv(this.size, PANEL)),
      panel: this.k.param(`${name}_panel`, panel),
    }
  }

  /** One value for each lane. */
  row(name: string): Expr {
    return this.scratch.region(name, this.size)
  }

  /** Where a panel of a matrix begins. */
  panelAt({ at, panel }: Region, number: Expr): Expr {
    return this.k.share(this.k.x.add(at, this.k.x.mul(number, panel)), 'panel')
  }

  /** Index of a vector of a row of a panel. */
  inPanel(panelAt: Expr, row: Expr, vector: number): Expr {
    const { x } = this.k
    return x.ramp(x.add(x.add(panelAt, x.mul(row, x.constant(PANEL))), x.constant(vector * LANES)))
  }

  /** Index of single lanes, or of a vector of rows at one lane. */
  element(region: Region, row: Expr, lane: Expr): Expr {
    const { x } = this.k
    const panel = this.panelAt(region, x.div(lane, x.constant(PANEL)))
    const column = this.k.share(x.add(panel, x.rem(lane, x.constant(PANEL))), 'column')
    return x.add(column, x.mul(row, x.constant(PANEL)))
  }

  /** Block number `block` of the positions below `end`. */
  span(block: Expr, size: number, end: Expr, stem: string): Span {
    const { x } = this.k
    const from = this.k.share(x.mul(block, x.constant(size)), `${stem}_from`)
    return { from, count: this.k.share(x.min(x.sub(end, from), x.constant(size)), `${stem}_count`), end }
  }

  panelCount(span: Span): Expr {
    const { x } = this.k
    return this.k.share(x.div(x.add(span.count, x.constant(PANEL - 1)), x.constant(PANEL)), 'panels')
  }

  /** Panels of a span: lanes past its end repeat the last position, and are not stored. */
  eachPanel(span: Span, body: (panel: Panel) => void): void {
    const { x } = this.k
    const { from, to } = span.panels ?? { from: x.constant(0), to: this.panelCount(span) }
    this.k.loop('panel', from, to, x.constant(1), (number) => {
      const first = this.k.share(x.mul(number, x.constant(PANEL)), 'first')
      body({ number, lanes: range(PANEL_VECTORS).map((v) => x.ramp(x.add(first, x.constant(v * LANES)))) })
    })
  }

  /** Copies `width` features of a span of rows, feature by feature, each times `scale`. */
  pack(to: Region, rows: Rows, start: Expr, span: Span, width: Expr, scale = 1): void {
    const { k, operands } = this
    const { x } = k
    const step = operands.step(rows, 'position')
    const feature = operands.step(rows, 'feature')
    const factor = x.constant(scale, 'f32')
    this.eachPanel(span, ({ number, lanes }) => {
      const panel = this.panelAt(to, number)
      lanes.forEach((lane, v) => {
        this.inside(span, lane, (position) => {
          const at = x.add(start, x.mul(position, step))
          k.loop('feature', x.constant(0), width, x.constant(1), (f) => {
            const value = k.share(operands.load(rows, x.add(at, x.mul(f, feature))), 'x')
            this.scratch.store(this.inPanel(panel, f, v), scale === 1 ? value : x.mul(value, factor))
          })
        })
      })
    })
  }

  /** The positions of a vector of lanes, none past the end. Those inside by themselves are known to be regular. */
  inside(span: Span, lane: Expr, body: (position: Expr) => void): void {
    const { x } = this.k
    const position = x.add(span.from, lane)
    const last = x.sub(span.end, x.constant(1))
    this.either(x.less(x.add(this.firstLane(lane), x.constant(LANES - 1)), span.count), (whole) =>
      body(whole ? position : x.min(position, last)),
    )
  }

  private firstLane(lane: Expr): Expr {
    return lane.op === 'ramp' ? lane.base : lane
  }

  private either(condition: Expr, body: (is: boolean) => void): void {
    const { k } = this
    const is = k.share(condition, 'whole')
    k.when(is, () => body(true))
    k.when(k.x.binary('==', k.x.cast(is, 'i32'), k.x.constant(0)), () => body(false))
  }

  /** Positions as the rows of a product, features as its steps. */
  byPosition(rows: Rows, start: Expr, span: Span, width: Expr): Left {
    const { operands } = this
    const [rowStride, stepStride] = [operands.step(rows, 'position'), operands.step(rows, 'feature')]
    return this.left(rows, start, span, { rowStride, stepStride, rows: span.count, steps: width })
  }

  /** Features as the rows of a product, positions as its steps. */
  byFeature(rows: Rows, start: Expr, span: Span, width: Expr): Left {
    const { operands } = this
    const [rowStride, stepStride] = [operands.step(rows, 'feature'), operands.step(rows, 'position')]
    return this.left(rows, start, span, { rowStride, stepStride, rows: width, steps: span.count })
  }

  private left(rows: Rows, start: Expr, span: Span, shape: Omit<Left, 'load' | 'start'>): Left {
    const { k, operands } = this
    const { x } = k
    const first = k.share(x.add(start, x.mul(span.from, operands.step(rows, 'position'))), 'first')
    return { load: (index) => operands.load(rows, index), start: first, ...shape }
  }

  /**
   * All rows of `left` times the lanes of a span in `right`: `sink` takes the totals of one row, a vector at a time.
   * Rows are rounded up to whole strips; the last one is repeated.
   */
  products(
    left: Left,
    right: Region,
    span: Span,
    sink: (row: Expr, panel: Panel, vector: number, total: Expr) => void,
  ): void {
    const { k } = this
    const { x } = k
    k.loop('row', x.constant(0), left.rows, x.constant(STRIP), (row) => {
      this.packStrip(left, row)
      this.eachPanel(span, (panel) => {
        const totals = this.multiply(left.steps, this.panelAt(right, panel.number))
        totals.forEach((vectors, i) => {
          vectors.forEach((total, v) => sink(x.add(row, x.constant(i)), panel, v, total))
        })
      })
    })
  }

  /** Four rows side by side, step by step. */
  private packStrip(left: Left, row: Expr): void {
    const { k } = this
    const { x } = k
    this.either(x.less(x.add(row, x.constant(STRIP - 1)), left.rows), (whole) => {
      const rows = whole ? x.ramp(row) : x.min(x.ramp(row), x.sub(left.rows, x.constant(1)))
      const start = x.add(left.start, x.mul(rows, left.rowStride))
      k.loop('step', x.constant(0), left.steps, x.constant(1), (s) => {
        const to = x.ramp(x.add(this.strip, x.mul(s, x.constant(STRIP))))
        this.scratch.store(to, left.load(x.add(start, x.mul(s, left.stepStride))))
      })
    })
  }

  private multiply(steps: Expr, right: Expr): Expr[][] {
    const { k, scratch } = this
    const { x } = k
    const zero = x.constant(0, 'f32')
    const totals = range(STRIP).map(() => range(PANEL_VECTORS).map(() => k.variable('total', 'f32', zero, LANES)))
    k.loop('step', x.constant(0), steps, x.constant(1), (s) => {
      const columns = range(PANEL_VECTORS).map((v) => k.share(scratch.load(this.inPanel(right, s, v)), 'right'))
      const first = x.add(this.strip, x.mul(s, x.constant(STRIP)))
      totals.forEach((row, i) => {
        const l = k.share(scratch.load(x.add(first, x.constant(i))), 'left')
        row.forEach((total, v) => k.assign(total, x.fma(l, columns[v]!, total)))
      })
    })
    return totals
  }

  /** Sets all of a matrix's first `rows` rows, or a row, to a value. */
  fill(region: Region, rows: Expr, span: Span, value: number): void {
    const { x } = this.k
    this.eachPanel(span, ({ number, lanes }) => {
      const panel = this.panelAt(region, number)
      this.k.loop('row', x.constant(0), rows, x.constant(1), (row) => {
        lanes.forEach((_, v) => this.scratch.store(this.inPanel(panel, row, v), x.constant(value, 'f32')))
      })
    })
  }

  fillRow(row: Expr, span: Span, value: number): void {
    const { x } = this.k
    this.eachPanel(span, ({ lanes }) => {
      for (const lane of lanes) this.scratch.store(x.add(row, lane), x.constant(value, 'f32'))
    })
  }
}
