import { range } from '../../ir/shape.ts'
import type { KernelBuilder } from '../kernel-builder.ts'
import { type Expr, LANES } from '../kernel-ir.ts'

/** Elements of a piece of work: enough to outweigh handing it out, few enough that threads end together. */
const PIECE = 4096

/**
 * from <= i < to, four at a time as vectors and the rest one by one. First as many vectors side by side as `abreast`
 * says, each with its own number, where what is done with one would wait for what was done with the one before.
 */
export function vectorLoop(
  k: KernelBuilder,
  stem: string,
  from: Expr,
  to: Expr,
  body: (i: Expr, number: number) => void,
  abreast = 1,
): void {
  const { x } = k
  const lanes = x.constant(LANES)
  let start = from
  if (abreast > 1) {
    const width = x.constant(abreast * LANES)
    start = wholeOf(k, stem, from, to, width)
    k.loop(stem, from, start, width, (i) => {
      for (const n of range(abreast)) body(x.ramp(x.add(i, x.constant(n * LANES))), n)
    })
  }
  const whole = wholeOf(k, stem, start, to, lanes)
  k.loop(stem, start, whole, lanes, (i) => body(x.ramp(i), 0))
  k.loop(stem, whole, to, x.constant(1), (i) => body(i, 0))
}

/** The end of the last whole `width` between two bounds. */
export const wholeOf = (k: KernelBuilder, stem: string, from: Expr, to: Expr, width: Expr): Expr =>
  k.share(k.x.add(from, k.x.mul(k.x.div(k.x.sub(to, from), width), width)), `${stem}_whole`)

/** Nested loops over some axes of a shape, and inside them `body` with an index for each. */
export function eachIndex(
  k: KernelBuilder,
  shape: readonly number[],
  axes: readonly number[],
  body: (index: ReadonlyMap<number, Expr>) => void,
): void {
  const nest = (n: number, index: ReadonlyMap<number, Expr>): void => {
    const axis = axes[n]
    if (axis === undefined) body(index)
    else {
      k.loop('r', k.x.constant(0), k.param(`length${axis}`, shape[axis]!), k.x.constant(1), (i) =>
        nest(n + 1, new Map([...index, [axis, i]])),
      )
    }
  }
  nest(0, new Map())
}

/** The piece of `count` things that workgroup `group` does, `size` of them. */
export function pieceOf(k: KernelBuilder, group: Expr, count: Expr, size: Expr): { from: Expr; to: Expr } {
  const from = k.share(k.x.mul(group, size), 'from')
  return { from, to: k.share(k.x.min(k.x.add(from, size), count), 'to') }
}

/** How `rows` of `columns` elements, each of them worth `weight`, are cut into pieces of like size. */
export interface Pieces {
  readonly rows: number
  readonly columns: number
  readonly count: number
}

export function cut(rows: number, columns: number, weight = 1, grain = 1): Pieces {
  const wanted = Math.max(1, Math.floor(PIECE / weight))
  const perRow = columns <= 2 * wanted ? columns : Math.max(grain, Math.floor(wanted / grain) * grain)
  const perPiece = perRow < columns ? 1 : Math.min(rows, Math.max(1, Math.floor(wanted / Math.max(1, columns))))
  return { rows: perPiece, columns: perRow, count: Math.ceil(rows / perPiece) * Math.ceil(columns / perRow) }
}

/**
 * The loops of one piece of work over rows of columns: `body` is called with a row and the range of its columns. One
 * of the two is cut, as `cut` decided.
 */
export function eachRow(
  k: KernelBuilder,
  rows: number,
  columns: number,
  pieces: Pieces,
  body: (row: Expr, from: Expr, to: Expr) => void,
): void {
  const { x } = k
  const group = k.share(x.builtin('group_x'), 'piece')
  const width = k.param('columns', columns)
  if (pieces.columns < columns) {
    const perRow = k.param('pieces', Math.ceil(columns / pieces.columns))
    const { from, to } = pieceOf(k, x.rem(group, perRow), width, k.param('piece_columns', pieces.columns))
    body(k.share(x.div(group, perRow), 'row'), from, to)
    return
  }
  const { from, to } = pieceOf(k, group, k.param('rows', rows), k.param('piece_rows', pieces.rows))
  k.loop('row', from, to, x.constant(1), (row) => body(row, x.constant(0), width))
}
