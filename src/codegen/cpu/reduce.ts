import { range } from '../../ir/shape.ts'
import { positionAt, positionByAxes } from '../columns.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { reducedRows } from '../row-space.ts'
import { Frame, headOf, type ScheduleContext, type Scheduled, type Work } from '../schedule.ts'
import { Fold } from './fold.ts'
import { cut, eachIndex, eachRow, vectorLoop, wholeOf } from './loops.ts'
import { scheduleRows } from './rows.ts'

/** Vectors folded side by side where columns are reduced: a cache line of f32. */
const SIDE_BY_SIDE = 4

/** A reduction with what feeds it and what follows it. What is folded into one result is folded in one order. */
export function scheduleReduce(work: Work, context: ScheduleContext): Scheduled {
  const group = headOf(work)
  const rows = reducedRows(group)
  if (rows) return scheduleRows(work, rows, context)
  const fold = new Fold(new Frame(work, context), group)
  return fold.axes.includes(lastAxis(fold.shape)) ? reduceScattered(fold) : reduceColumns(fold)
}

const lastAxis = (shape: readonly number[]): number => shape.findLastIndex((n) => n !== 1)

/** The last axis is reduced, and so is one before an axis that is kept. */
function reduceScattered(fold: Fold): Scheduled {
  const { k, emitter } = fold.frame
  const last = lastAxis(fold.shape)
  const pieces = cut(fold.results, 1, fold.length)
  eachRow(k, fold.results, 1, pieces, (row) => {
    const at = emitter.linearPosition(fold.result, row)
    const { add, total } = fold.begin()
    const outer = fold.axes.filter((a) => a !== last)
    eachIndex(k, fold.shape, outer, (index) => {
      vectorLoop(k, 'r', k.x.constant(0), k.param('length', fold.shape[last]!), (r) => {
        const axes = fold.shape.map((_, a) => (a === last ? r : (index.get(a) ?? at.axis(fold.kept.indexOf(a)))))
        add(emitter.element(fold.input, positionByAxes(emitter, fold.input, axes)))
      })
    })
    fold.store(at, total())
  })
  return fold.finish('reduce_scattered', pieces.count)
}

/** The last axis is kept: neighbouring results are folded in the lanes of vectors, a cache line of them at a time. */
function reduceColumns(fold: Fold): Scheduled {
  const { k, emitter } = fold.frame
  const { x } = k
  const last = lastAxis(fold.shape)
  const columns = fold.shape[last]!
  const rows = fold.results / columns
  const pieces = cut(rows, columns, fold.length, SIDE_BY_SIDE * LANES)

  /** Folds the results at some columns of a row. */
  const tile = (row: Expr, columnsAt: readonly Expr[]): void => {
    const ats = columnsAt.map((column) => positionAt(emitter, fold.result, columns, row, column))
    const totals = columnsAt.map((c) => k.variable('total', fold.dtype, fold.identity, c.lanes))
    eachIndex(k, fold.shape, fold.axes, (index) => {
      ats.forEach((at, n) => {
        const axes = fold.shape.map((_, a) => index.get(a) ?? at.axis(fold.kept.indexOf(a)))
        fold.combine(totals[n]!, emitter.element(fold.input, positionByAxes(emitter, fold.input, axes)))
      })
    })
    ats.forEach((at, n) => fold.store(at, totals[n]!))
  }

  eachRow(k, rows, columns, pieces, (row, from, to) => {
    const width = x.constant(SIDE_BY_SIDE * LANES)
    const whole = wholeOf(k, 'column', from, to, width)
    k.loop('column', from, whole, width, (column) => {
      const starts = range(SIDE_BY_SIDE).map((n) => x.ramp(x.add(column, x.constant(n * LANES))))
      tile(row, starts)
    })
    vectorLoop(k, 'column', whole, to, (column) => tile(row, [column]))
  })
  return fold.finish('reduce_columns', pieces.count)
}
