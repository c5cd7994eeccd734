import type { Value } from '../../ir/graph.ts'
import { sizeOf } from '../../ir/shape.ts'
import type { Group } from '../fusion.ts'
import type { Position } from '../index-space.ts'
import type { Expr } from '../kernel-ir.ts'
import { pointsOver } from '../point-reuse.ts'
import { placeOf, type RowSpace } from '../row-space.ts'
import { elementwiseFlops, Frame, groupsOf, type ScheduleContext, type Scheduled, type Work } from '../schedule.ts'
import { innerLength, positionAt } from './columns.ts'
import { Fold } from './fold.ts'
import { cut, eachRow, vectorLoop } from './loops.ts'

/** Reductions of whole rows and what is computed of them, row by row: everything of one row before the next. */
export function scheduleRows(work: Work, space: RowSpace, context: ScheduleContext): Scheduled {
  return new RowKernel(work, space, context).schedule()
}

class RowKernel {
  private readonly frame: Frame
  private readonly groups: readonly Group[]
  /** Where what no other kernel reads lies for the length of a row: its place in the array of kept rows. */
  private readonly kept = new Map<Value, number>()
  private readonly array: string

  constructor(
    work: Work,
    private readonly space: RowSpace,
    private readonly context: ScheduleContext,
  ) {
    this.frame = new Frame(work, context)
    this.groups = groupsOf(work)
    for (const { root } of this.groups) {
      if (placeOf(root, space) === 'point' && !this.frame.isOutput(root)) this.kept.set(root, this.kept.size)
    }
    this.array = this.kept.size > 0 ? this.frame.k.shared('kept', 'f32', this.kept.size * space.columns) : ''
  }

  schedule(): Scheduled {
    const { frame, groups, space } = this
    const pieces = cut(space.rows, 1, space.columns * groups.length)
    eachRow(frame.k, space.rows, 1, pieces, (row) => {
      for (const group of groups) this.stage(group, row)
    })
    const folded = groups.reduce((n, g) => n + (g.hero ? sizeOf(g.hero.inputs[0]!.type.shape) : 0), 0)
    const flops = elementwiseFlops(frame.work) + folded
    return frame.finish('rows', [1, 1, 1], [pieces.count, 1, 1], flops, (v) =>
      pointsOver(v, groups, space, this.context),
    )
  }

  private stage(group: Group, row: Expr): void {
    const { k, emitter } = this.frame
    const { root, hero } = group
    if (!hero && placeOf(root, this.space) === 'point') {
      this.eachPoint(group, root, row, (at, column) => this.storePoint(root, at, column, emitter.element(root, at)))
      return
    }
    if (hero) {
      const fold = new Fold(this.frame, group)
      const total = fold.scalarTotal((add) => {
        this.eachPoint(group, fold.input, row, (at) => add(emitter.element(fold.input, at)))
      })
      emitter.bound.set(fold.result, k.x.cast(total, fold.result.type.dtype))
    }
    const value = k.share(emitter.element(root, emitter.linearPosition(root, row)), 'row_value')
    emitter.bound.set(root, value)
    if (this.frame.isOutput(root)) this.frame.store(row, value, root)
  }

  /** Loops over the columns of a row of `v`, with what the group reads of earlier stages at hand. */
  private eachPoint(group: Group, v: Value, row: Expr, body: (at: Position, column: Expr) => void): void {
    const { k, emitter } = this.frame
    const { x } = k
    const { columns } = this.space
    const asked = innerLength(v, this.context)
    const inner = asked > 0 && columns % asked === 0 ? asked : Math.max(1, columns)
    const role = emitter.role(v)
    const lines = k.param(`${role}_lines`, columns / inner)
    const first = k.share(x.mul(row, lines), 'first_line')
    k.loop('line', x.constant(0), lines, x.constant(1), (line) => {
      const at = k.share(x.add(first, line), 'line')
      const start = k.share(x.mul(line, k.param(`${role}_inner`, inner)), 'start')
      vectorLoop(k, 'c', x.constant(0), k.param(`${role}_inner`, inner), (c) => {
        const position = positionAt(emitter, v, inner, at, c)
        const column = k.share(x.add(start, c), 'column')
        for (const leaf of group.leaves) this.bindPoint(leaf, position, column)
        body(position, column)
      })
    })
  }

  /** The element of an earlier stage's result at the point where the loops stand. */
  private bindPoint(leaf: Value, at: Position, column: Expr): void {
    const { k, emitter } = this.frame
    if (placeOf(leaf, this.space) !== 'point') return
    const kept = this.kept.get(leaf)
    if (kept !== undefined) {
      emitter.bound.set(leaf, k.share(k.x.loadShared(this.array, 'f32', this.keptAt(kept, column), k.depth), 'kept'))
    } else if (this.frame.isOutput(leaf)) {
      const load = k.x.load(this.frame.output(leaf), leaf.type.dtype, at.linear(), k.depth)
      emitter.bound.set(leaf, k.share(load, 'x'))
    }
  }

  private storePoint(v: Value, at: Position, column: Expr, value: Expr): void {
    const { k } = this.frame
    const kept = this.kept.get(v)
    if (kept === undefined) this.frame.store(at.linear(), value, v)
    else k.storeShared(this.array, this.keptAt(kept, column), value)
  }

  private keptAt(place: number, column: Expr): Expr {
    const { x } = this.frame.k
    return x.add(x.mul(x.constant(place), this.frame.k.param('row_length', this.space.columns)), column)
  }
}
