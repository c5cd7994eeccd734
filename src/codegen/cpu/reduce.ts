import type { DType } from '../../ir/dtype.ts'
import type { Value } from '../../ir/graph.ts'
import type { ReducePrim } from '../../ir/prim.ts'
import { monoidIdentity } from '../../ir/prims/reduce.ts'
import { range, sizeOf } from '../../ir/shape.ts'
import type { Group } from '../fusion.ts'
import type { Position } from '../index-space.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { Frame, groupFlops, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { areTrailing, innerLength, positionAt, positionByAxes } from './columns.ts'
import { cut, eachRow, vectorLoop } from './loops.ts'

/** Vectors folded side by side where columns are reduced: a cache line of f32. */
const SIDE_BY_SIDE = 4

/** A reduction with what feeds it and what follows it. What is folded into one result is folded in one order. */
export function scheduleReduce(group: Group, context: ScheduleContext): Scheduled {
  const fold = new Fold(new Frame(group, context))
  if (areTrailing(fold.shape, fold.axes)) return reduceRows(fold, innerLength(fold.input, context))
  return fold.axes.includes(lastAxis(fold.shape)) ? reduceScattered(fold) : reduceColumns(fold)
}

const lastAxis = (shape: readonly number[]): number => shape.findLastIndex((n) => n !== 1)

/** The parts of a reduction that every order of loops needs. */
class Fold {
  readonly prim: ReducePrim
  readonly input: Value
  readonly result: Value
  readonly shape: readonly number[]
  readonly axes: readonly number[]
  readonly kept: readonly number[]
  /** f16 sums are folded in f32. */
  readonly dtype: DType
  readonly identity: Expr
  readonly results: number
  readonly length: number

  constructor(readonly frame: Frame) {
    const hero = frame.group.hero!
    if (hero.prim.kind !== 'reduce') throw new Error('not a reduction')
    this.prim = hero.prim
    this.input = hero.inputs[0]!
    this.result = hero.outputs[0]!
    this.shape = this.input.type.shape
    this.axes = hero.attrs['axes'] as readonly number[]
    this.kept = range(this.shape.length).filter((a) => !this.axes.includes(a))
    this.dtype = this.input.type.dtype === 'f16' ? 'f32' : this.input.type.dtype
    this.identity = frame.k.x.constant(monoidIdentity(this.prim.monoid, this.dtype), this.dtype)
    this.results = sizeOf(this.result.type.shape)
    this.length = sizeOf(this.axes.map((a) => this.shape[a]!))
  }

  combine(total: Expr, element: Expr): void {
    const { k } = this.frame
    k.assign(total, k.x.foldMonoid(this.prim.monoid, total, k.x.cast(element, this.dtype)))
  }

  /** Folds what `walk` visits, vectors and scalars apart, and gives the one total. */
  scalarTotal(walk: (add: (element: Expr) => void) => void): Expr {
    const { k } = this.frame
    const vector = k.variable('totals', this.dtype, this.identity, LANES)
    const scalar = k.variable('total', this.dtype, this.identity)
    walk((element) => this.combine(element.lanes === LANES ? vector : scalar, element))
    const { monoid } = this.prim
    return k.share(k.x.foldMonoid(monoid, k.x.across(monoid, vector), scalar), 'total')
  }

  /** Stores the epilogue of a total at a position of the result. */
  store(at: Position, total: Expr): void {
    const { frame } = this
    const { root } = frame.group
    frame.emitter.bound.set(this.result, frame.k.x.cast(total, this.result.type.dtype))
    const linear = at.linear()
    frame.store(linear, frame.emitter.element(root, frame.emitter.linearPosition(root, linear)))
  }

  finish(name: string, pieces: number): Scheduled {
    const { frame } = this
    const flops = groupFlops(frame.group) + sizeOf(this.shape)
    return frame.finish(name, [1, 1, 1], [pieces, 1, 1], flops)
  }
}

/** What is folded into one result lies together. */
function reduceRows(fold: Fold, asked: number): Scheduled {
  const { k, emitter } = fold.frame
  const { x } = k
  const inner = asked > 0 && fold.length % asked === 0 ? asked : Math.max(1, fold.length)
  const lines = fold.length / inner
  const pieces = cut(fold.results, 1, fold.length)
  eachRow(k, fold.results, 1, pieces, (row) => {
    const total = fold.scalarTotal((add) => {
      const first = k.share(x.mul(row, k.param('lines', lines)), 'line')
      k.loop('line', x.constant(0), k.param('lines', lines), x.constant(1), (line) => {
        const at = k.share(x.add(first, line), 'line')
        vectorLoop(k, 'r', x.constant(0), k.param('length', inner), (r) => {
          add(emitter.element(fold.input, positionAt(emitter, fold.input, inner, at, r)))
        })
      })
    })
    fold.store(emitter.linearPosition(fold.result, row), total)
  })
  return fold.finish('reduce_rows', pieces.count)
}

/** Nested loops over some reduced axes, and inside them `body` with an index for each. */
function eachReduced(fold: Fold, axes: readonly number[], body: (index: ReadonlyMap<number, Expr>) => void): void {
  const { k } = fold.frame
  const index = new Map<number, Expr>()
  const nest = (n: number): void => {
    const axis = axes[n]
    if (axis === undefined) {
      body(index)
      return
    }
    k.loop('r', k.x.constant(0), k.param(`length${axis}`, fold.shape[axis]!), k.x.constant(1), (i) => {
      index.set(axis, i)
      nest(n + 1)
    })
  }
  nest(0)
}

/** The last axis is reduced, and so is one before an axis that is kept. */
function reduceScattered(fold: Fold): Scheduled {
  const { k, emitter } = fold.frame
  const last = lastAxis(fold.shape)
  const pieces = cut(fold.results, 1, fold.length)
  eachRow(k, fold.results, 1, pieces, (row) => {
    const at = emitter.linearPosition(fold.result, row)
    const total = fold.scalarTotal((add) => {
      const outer = fold.axes.filter((a) => a !== last)
      eachReduced(fold, outer, (index) => {
        vectorLoop(k, 'r', k.x.constant(0), k.param('length', fold.shape[last]!), (r) => {
          const axes = fold.shape.map((_, a) => (a === last ? r : (index.get(a) ?? at.axis(fold.kept.indexOf(a)))))
          add(emitter.element(fold.input, positionByAxes(emitter, fold.input, axes)))
        })
      })
    })
    fold.store(at, total)
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
    eachReduced(fold, fold.axes, (index) => {
      ats.forEach((at, n) => {
        const axes = fold.shape.map((_, a) => index.get(a) ?? at.axis(fold.kept.indexOf(a)))
        fold.combine(totals[n]!, emitter.element(fold.input, positionByAxes(emitter, fold.input, axes)))
      })
    })
    ats.forEach((at, n) => fold.store(at, totals[n]!))
  }

  eachRow(k, rows, columns, pieces, (row, from, to) => {
    const width = x.constant(SIDE_BY_SIDE * LANES)
    const whole = k.share(x.add(from, x.mul(x.div(x.sub(to, from), width), width)), 'whole')
    k.loop('column', from, whole, width, (column) => {
      const starts = range(SIDE_BY_SIDE).map((n) => x.ramp(x.add(column, x.constant(n * LANES))))
      tile(row, starts)
    })
    vectorLoop(k, 'column', whole, to, (column) => tile(row, [column]))
  })
  return fold.finish('reduce_columns', pieces.count)
}
