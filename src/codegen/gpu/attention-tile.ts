import { ATTENTION_TILE } from '../../ir/prims/attention.ts'
import { range } from '../../ir/shape.ts'
import type { AttentionOperands, Rows } from '../attention-operands.ts'
import { type Expr, type Lanes, LANES as VECTOR } from '../kernel-ir.ts'
import { ceilDiv } from '../schedule.ts'
import { inVectors } from './attention-vectors.ts'

/**
 * What attention in workgroups is made of. A workgroup owns a block of rows (queries, or keys when it makes their
 * cotangents) and walks over tiles of columns (the other side). Each thread keeps in registers a tile of scores, and of
 * the totals, rows by features, that it ends with. Between the two, weights pass through workgroup memory.
 */

/** Threads of a workgroup along rows, and along columns or features: 64 in all. */
export const LANES = 8
/** Rows per thread, where there are so many. */
const MOST_ROWS = 4
/** Totals that a thread keeps in registers from tile to tile. */
const MOST_TOTALS = 64

export interface Tiling {
  /** Rows and columns of a thread's scores. */
  readonly rows: number
  readonly columns: number
  /** Workgroups that share the features of the same rows: 1, unless a thread cannot keep as many totals. */
  readonly featureBlocks: number
}

/** `widths`: the features of each total that is kept. */
export function tilingOf(rowCount: number, widths: readonly number[], columns: number): Tiling {
  const totals = (blocks: number): number => widths.map((w) => ceilDiv(w, LANES * blocks)).reduce((a, b) => a + b, 0)
  const fits = [MOST_ROWS, 2].find((rows) => rowCount > LANES * (rows / 2) && rows * totals(1) <= MOST_TOTALS)
  const narrowest = Math.max(widths.length, MOST_TOTALS)
  let featureBlocks = 1
  while (totals(featureBlocks) > narrowest) featureBlocks++
  return { rows: fits ?? 1, columns, featureBlocks }
}

/** The positions of one side of the tile that a thread has. */
export interface Side {
  /** Where in the tile. */
  readonly places: readonly Expr[]
  /** Those past the end are none. */
  readonly positions: readonly Expr[]
  /** The same, with the last one in place of those past the end: they are read there, and not used. */
  readonly inside: readonly Expr[]
}

/** The features that a thread sums up, one by one or in vectors. */
export interface Features {
  readonly lanes: Lanes
  /** The first of each vector. */
  readonly positions: readonly Expr[]
  /** The same, with the last in place of those past the end. */
  readonly inside: readonly Expr[]
  readonly count: Expr
}

/** Rows of an operand, each by where it begins in memory. */
export interface Vectors {
  readonly rows: Rows
  readonly starts: readonly Expr[]
}

export class AttentionTile {
  readonly rowLane: Expr
  readonly columnLane: Expr
  readonly rowSize: number
  readonly columnSize: number
  readonly rowBlock: Expr
  /** Features that are read at once. */
  private readonly lanes: Lanes
  readonly featureBlock: Expr

  constructor(
    readonly operands: AttentionOperands,
    readonly tiling: Tiling,
  ) {
    this.lanes = inVectors(operands, LANES) ? VECTOR : 1
    const { k } = operands.frame
    const { x } = k
    const blocks = k.param('feature_blocks', tiling.featureBlocks)
    this.rowLane = k.share(x.builtin('local_x'), 'row_lane')
    this.columnLane = k.share(x.builtin('local_y'), 'column_lane')
    this.rowSize = LANES * tiling.rows
    this.columnSize = LANES * tiling.columns
    this.rowBlock = k.share(x.div(x.builtin('group_x'), blocks), 'row_block')
    this.featureBlock = k.share(x.rem(x.builtin('group_x'), blocks), 'feature_block')
  }

  /** This thread's rows of the block that its workgroup owns. */
  rows(end: Expr, name: string): Side {
    const { x } = this.operands.frame.k
    const { rows } = this.tiling
    const places = range(rows).map((i) => x.add(x.mul(this.rowLane, x.constant(rows)), x.constant(i)))
    return this.side(x.mul(this.rowBlock, x.constant(this.rowSize)), places, end, name)
  }

  /** This thread's columns of a tile that begins at `from`. */
  columns(from: Expr, end: Expr, name: string): Side {
    const { x } = this.operands.frame.k
    const places = range(this.tiling.columns).map((j) => x.add(this.columnLane, x.constant(j * LANES)))
    return this.side(from, places, end, name)
  }

  /**
   * The tiles of columns below `end` in which `possible` (of a tile of ATTENTION_TILE) allows anything, each for all
   * threads of the workgroup or for none.
   */
  eachColumnTile(end: Expr, possible: (attentionTile: Expr) => Expr, body: (from: Expr) => void): void {
    const { k } = this.operands.frame
    const { x } = k
    k.loop('column_from', x.constant(0), end, x.constant(this.columnSize), (from) => {
      const here = possible(k.share(x.div(from, x.constant(ATTENTION_TILE)), 'column_tile'))
      // A variable of the inner block: what follows from it stays there, where tiles that are skipped do not meet it.
      k.when(this.forAll(here), () => body(k.variable('from', 'i32', from)))
    })
  }

  /** A condition as one thread finds it, where it is not plain to WGSL that all find the same. */
  private forAll(condition: Expr): Expr {
    const { k } = this.operands.frame
    const { x } = k
    if (!this.operands.tilesAreRead) return condition
    const array = k.shared('possible', 'bool', 1)
    k.when(x.binary('==', x.add(this.rowLane, this.columnLane), x.constant(0)), () => {
      k.storeShared(array, x.constant(0), condition)
    })
    return k.share(x.loadUniform(array, 'bool', k.depth), 'for_all')
  }

  private side(from: Expr, places: readonly Expr[], end: Expr, name: string): Side {
    const { k } = this.operands.frame
    const { x } = k
    const positions = places.map((place) => k.share(x.add(from, place), name))
    const last = x.sub(end, x.constant(1))
    return { places, positions, inside: positions.map((p) => k.share(x.min(p, last), `inside_${name}`)) }
  }

  features(size: number, name: string): Features {
    const { lanes } = this
    const { k } = this.operands.frame
    const { x } = k
    const perThread = ceilDiv(size, LANES * lanes * this.tiling.featureBlocks)
    const first = x.add(x.mul(this.featureBlock, x.constant(LANES * perThread)), this.columnLane)
    const numbers = range(perThread).map((i) => x.add(first, x.constant(i * LANES)))
    const last = x.sub(k.param(lanes === 1 ? name : `${name}_vectors`, size / lanes), x.constant(1))
    const at = (number: Expr): Expr => x.mul(k.share(number, 'feature'), x.constant(lanes))
    return {
      lanes,
      positions: numbers.map(at),
      inside: numbers.map((n) => at(x.min(n, last))),
      count: k.param(name, size),
    }
  }

  /** What is to be done for each feature of a row of totals that there is. */
  eachFeature(
    { lanes, positions, count }: Features,
    body: (feature: Expr, pick: (total: Expr) => Expr, i: number) => void,
  ): void {
    const { k } = this.operands.frame
    const { x } = k
    positions.forEach((f, i) => {
      k.when(x.less(f, count), () => {
        for (const lane of range(lanes)) {
          body(x.add(f, x.constant(lane)), (total) => (lanes === 1 ? total : x.lane(total, lane)), i)
        }
      })
    })
  }

  vectors(rows: Rows, start: Expr, positions: readonly Expr[]): Vectors {
    return { rows, starts: positions.map((p) => this.rowStart(rows, start, p)) }
  }

  private rowStart(rows: Rows, start: Expr, position: Expr): Expr {
    const { k } = this.operands.frame
    return k.share(k.x.add(start, k.x.mul(position, this.operands.step(rows, 'position'))), `${rows.role}_row`)
  }

  /** The product of every row with every column, over `length` features, in f32. */
  products(rows: Vectors, columns: Vectors, length: number, name: string): Expr[][] {
    const { lanes, operands } = this
    const { k } = operands.frame
    const { x } = k
    const totals = rows.starts.map(() => columns.starts.map(() => k.variable('score', 'f32', x.constant(0, 'f32'))))
    const steps = k.param(lanes === 1 ? name : `${name}_vectors`, length / lanes)
    k.loop('feature', x.constant(0), steps, x.constant(1), (step) => {
      const load = ({ rows: operand, starts }: Vectors): Expr[] =>
        starts.map((at) => this.load(operand, at, x.mul(step, x.constant(lanes)), lanes))
      const [a, b] = [load(rows), load(columns)]
      const part = (v: Expr, lane: number): Expr => (lanes === 1 ? v : x.lane(v, lane))
      totals.forEach((row, i) => {
        row.forEach((total, j) => {
          const sum = range(lanes).reduce((rest, c) => x.fma(part(a[i]!, c), part(b[j]!, c), rest), total)
          k.assign(total, sum)
        })
      })
    })
    return totals
  }

  /** One feature, or a vector of them, of a row that begins at `start`. */
  private load(rows: Rows, start: Expr, feature: Expr, lanes: Lanes): Expr {
    const { operands } = this
    const { k } = operands.frame
    const { x } = k
    const index = x.add(start, x.mul(feature, operands.step(rows, 'feature')))
    return k.share(operands.load(rows, lanes === 1 ? index : x.ramp(index)), rows.role)
  }

  /** An array in workgroup memory for the weights of a tile. */
  weights(name: string): string {
    return this.operands.frame.k.shared(name, 'f32', this.rowSize * this.columnSize)
  }

  /** Stores the weights of this thread's rows for a column, for all threads to read. */
  storeWeights(array: string, column: Expr, weights: readonly Expr[]): void {
    const { k } = this.operands.frame
    const at = this.weightsAt(column)
    if (weights.length === VECTOR) k.storeShared(array, k.x.ramp(at), k.x.pack(weights))
    else weights.forEach((w, i) => k.storeShared(array, k.x.add(at, k.x.constant(i)), w))
  }

  private loadWeights(array: string, column: Expr): readonly Expr[] {
    const { k } = this.operands.frame
    const { x } = k
    const at = this.weightsAt(column)
    const { rows } = this.tiling
    if (rows !== VECTOR) {
      return range(rows).map((i) => k.share(x.loadShared(array, 'f32', x.add(at, x.constant(i)), k.depth), 'weight'))
    }
    const all = k.share(x.loadShared(array, 'f32', x.ramp(at), k.depth), 'weights')
    return range(rows).map((i) => x.lane(all, i))
  }

  /** Where the weights of this thread's rows for a column lie, one behind the other. */
  private weightsAt(column: Expr): Expr {
    const { k } = this.operands.frame
    const { x } = k
    return x.add(x.mul(column, x.constant(this.rowSize)), x.mul(this.rowLane, x.constant(this.tiling.rows)))
  }

  totals(features: Features): Expr[][] {
    const { k } = this.operands.frame
    const zero = k.x.constant(0, 'f32')
    return range(this.tiling.rows).map(() =>
      features.positions.map(() => k.variable('total', 'f32', zero, features.lanes)),
    )
  }

  /**
   * Adds to totals[row][feature] the sum over a tile's columns of weight times the feature of the column's own row in an
   * operand. The weights are those that all threads have stored.
   */
  accumulate(
    array: string,
    operand: Rows,
    start: Expr,
    tile: { readonly from: Expr; readonly end: Expr },
    features: Features,
    totals: readonly (readonly Expr[])[],
  ): void {
    const { operands } = this
    const { k } = operands.frame
    const { x } = k
    const count = k.share(x.min(x.sub(tile.end, tile.from), x.constant(this.columnSize)), 'columns')
    k.loop('column', x.constant(0), count, x.constant(1), (c) => {
      const row = this.rowStart(operand, start, x.add(tile.from, c))
      const weights = this.loadWeights(array, c)
      const values = features.inside.map((f) => this.load(operand, row, f, features.lanes))
      totals.forEach((own, i) => {
        own.forEach((total, f) => k.assign(total, x.fma(weights[i]!, values[f]!, total)))
      })
    })
  }
}
