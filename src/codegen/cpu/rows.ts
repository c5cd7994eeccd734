import type { Value } from '../../ir/graph.ts'
import { innerLength, positionAt } from '../columns.ts'
import type { Group } from '../fusion.ts'
import type { Expr } from '../kernel-ir.ts'
import { pointsOver } from '../point-reuse.ts'
import { type RowPass, rowPasses } from '../row-passes.ts'
import { placeOf, type RowSpace } from '../row-space.ts'
import { Frame, foldingFlops, groupsOf, type ScheduleContext, type Scheduled, type Work } from '../schedule.ts'
import { Fold } from './fold.ts'
import { cut, eachRow, vectorLoop } from './loops.ts'

/** Totals side by side where nothing but folding is done, which alone would wait for the total before. */
const ABREAST = 4
const FEW_EQUATIONS = 4
const waits = (points: readonly Group[]): boolean =>
  points.every((g) => g.hero) && points.reduce((n, g) => n + g.equations.length, 0) <= FEW_EQUATIONS

/** Reductions of whole rows and what is computed of them, row by row: everything of one row before the next. */
export function scheduleRows(work: Work, space: RowSpace, context: ScheduleContext): Scheduled {
  return new RowKernel(work, space, context).schedule()
}

class RowKernel {
  private readonly frame: Frame
  private readonly groups: readonly Group[]
  private readonly passes: readonly RowPass[]
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
    this.passes = rowPasses(this.groups, space)
    this.passes.forEach(({ points }, n) => {
      const later = new Set(this.passes.slice(n + 1).flatMap((pass) => pass.points.flatMap((g) => g.leaves)))
      for (const { root } of points) {
        if (later.has(root) && placeOf(root, space) === 'point' && !this.frame.isOutput(root)) {
          this.kept.set(root, this.kept.size)
        }
      }
    })
    this.array = this.kept.size > 0 ? this.frame.k.shared('kept', 'f32', this.kept.size * space.columns) : ''
  }

  schedule(): Scheduled {
    const { frame, groups, space } = this
    const pieces = cut(space.rows, 1, space.columns * groups.length)
    eachRow(frame.k, space.rows, 1, pieces, (row) => {
      for (const pass of this.passes) this.pass(pass, row)
    })
    const over = pointsOver(groups, space, this.context)
    return frame.finish('rows', [1, 1, 1], [pieces.count, 1, 1], foldingFlops(frame.work), over)
  }

  private pass({ points, ends }: RowPass, row: Expr): void {
    const { k, emitter } = this.frame
    const folds = points.filter((g) => g.hero).map((g) => new Fold(this.frame, g))
    const abreast = waits(points) ? ABREAST : 1
    const totals = new Map(folds.map((fold) => [fold.root, fold.begin(abreast)]))
    const made = new Set(points.map((g) => g.root))
    this.eachPoint(points, row, abreast, (position, column, number) => {
      // The loop is written twice, for vectors and for what is left over: each computes its own.
      for (const v of made) emitter.bound.delete(v)
      for (const { root, hero, leaves } of points) {
        for (const leaf of leaves) if (!made.has(leaf)) this.bindPoint(leaf, position, column)
        if (hero) {
          const input = hero.inputs[0]!
          totals.get(root)!.add(emitter.element(input, emitter.linearPosition(input, position)), number)
        } else {
          const value = k.share(emitter.element(root, emitter.linearPosition(root, position)), 'value')
          emitter.bound.set(root, value)
          this.storePoint(root, position, column, value)
        }
      }
    })
    for (const { result, root } of folds) {
      emitter.bound.set(result, k.x.cast(totals.get(root)!.total(), result.type.dtype))
      this.end(root, row)
    }
    for (const { root } of ends) this.end(root, row)
  }

  /** What there is one of for the row. */
  private end(v: Value, row: Expr): void {
    const { emitter, k } = this.frame
    const value = k.share(emitter.element(v, emitter.linearPosition(v, row)), 'row_value')
    emitter.bound.set(v, value)
    if (this.frame.isOutput(v)) this.frame.store(row, value, v)
  }

  /** Loops over the columns of a row. */
  private eachPoint(
    points: readonly Group[],
    row: Expr,
    abreast: number,
    body: (position: Expr, column: Expr, number: number) => void,
  ): void {
    if (points.length === 0) return
    const { k, emitter } = this.frame
    const { x } = k
    const { columns } = this.space
    const walked = points.map((g) => (g.hero ? g.hero.inputs[0]! : g.root))
    const asked = Math.min(...walked.map((v) => innerLength(v, this.context)))
    const inner = asked > 0 && columns % asked === 0 ? asked : Math.max(1, columns)
    const role = emitter.role(walked[0]!)
    const lines = k.param(`${role}_lines`, columns / inner)
    const first = k.share(x.mul(row, lines), 'first_line')
    k.loop('line', x.constant(0), lines, x.constant(1), (line) => {
      const at = k.share(x.add(first, line), 'line')
      const start = k.share(x.mul(line, k.param(`${role}_inner`, inner)), 'start')
      const atColumn = (c: Expr, number: number): void =>
        body(positionAt(emitter, walked[0]!, inner, at, c).linear(), k.share(x.add(start, c), 'column'), number)
      vectorLoop(k, 'c', x.constant(0), k.param(`${role}_inner`, inner), atColumn, abreast)
    })
  }

  /** The element of an earlier stage's result at the point where the loops stand. */
  private bindPoint(leaf: Value, position: Expr, column: Expr): void {
    const { k, emitter } = this.frame
    if (placeOf(leaf, this.space) !== 'point') return
    const kept = this.kept.get(leaf)
    if (kept !== undefined) {
      emitter.bound.set(leaf, k.share(k.x.loadShared(this.array, 'f32', this.keptAt(kept, column), k.depth), 'kept'))
    } else if (this.frame.isOutput(leaf)) {
      const load = k.x.load(this.frame.output(leaf), leaf.type.dtype, position, k.depth)
      emitter.bound.set(leaf, k.share(load, 'x'))
    }
  }

  private storePoint(v: Value, position: Expr, column: Expr, value: Expr): void {
    const { k } = this.frame
    const kept = this.kept.get(v)
    if (this.frame.isOutput(v)) this.frame.store(position, value, v)
    else if (kept !== undefined) k.storeShared(this.array, this.keptAt(kept, column), value)
  }

  private keptAt(place: number, column: Expr): Expr {
    const { x } = this.frame.k
    return x.add(x.mul(x.constant(place), this.frame.k.param('row_length', this.space.columns)), column)
  }
}
