import { ATTENTION_TILE } from '../../ir/prims/attention.ts'
import { exp } from '../../ir/prims/unary.ts'
import { range } from '../../ir/shape.ts'
import { FORBIDDEN, LEAST } from '../attention-bounds.ts'
import { AttentionOperands, type Rows } from '../attention-operands.ts'
import { normaliser, storeFeature, storeLog, storesLogs } from '../attention-results.ts'
import { ScoreEmitter } from '../attention-score.ts'
import type { Group } from '../fusion.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { Frame, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { vectorLoop, wholeOf } from './loops.ts'
import { Scratch } from './scratch-regions.ts'

/** Keys whose scores, or vectors of features whose totals, are computed side by side. */
const SIDE_BY_SIDE = 4

/**
 * Attention of few queries to many keys: a step of decoding. One query of one head is a piece of work. Keys and values
 * are read once, where they lie; scores and weights of a tile of keys lie across the lanes.
 */
export function scheduleFewQueries(group: Group, context: ScheduleContext): Scheduled {
  const frame = new Frame(group, context)
  const operands = new AttentionOperands(frame, group, context)
  const { B, H, Tq } = operands.sizes
  new FewQueries(frame, operands).emit()
  return frame.finish('attention_few', [1, 1, 1], [B * H * Tq, 1, 1], operands.flops, () => [])
}

class FewQueries {
  private readonly scratch: Scratch
  private readonly score: ScoreEmitter
  private readonly query: Expr
  private readonly scores: Expr
  private readonly weights: Expr
  private readonly accumulators: readonly Expr[]
  private readonly E: Expr
  private readonly D: Expr

  constructor(
    private readonly frame: Frame,
    private readonly operands: AttentionOperands,
  ) {
    const { E, D, Tq, Tk } = operands.sizes
    this.E = frame.k.param('E', E)
    this.D = frame.k.param('D', D)
    this.scratch = new Scratch(frame.k)
    this.query = this.scratch.region('query', E)
    this.scores = this.scratch.region('scores', ATTENTION_TILE)
    this.weights = this.scratch.region('weights', ATTENTION_TILE)
    this.accumulators = range(operands.groups).map((g) => this.scratch.region(`accumulator${g}`, D))
    this.scratch.close()
    this.score = new ScoreEmitter(operands, { queries: Tq, keys: Tk })
  }

  emit(): void {
    const { frame, operands, scratch } = this
    const { k } = frame
    const { x } = k
    const { H, Tq, Tk } = operands.sizes
    const piece = k.share(x.builtin('group_x'), 'piece')
    const query = k.share(x.rem(piece, k.param('Tq', Tq)), 'query')
    const rest = k.share(x.div(piece, k.param('Tq', Tq)), 'rest')
    const head = k.share(x.rem(rest, k.param('H', H)), 'head')
    const batch = k.share(x.div(rest, k.param('H', H)), 'batch')
    const keyHead = operands.keyHead(head)
    const rowOf = (rows: Rows, start: Expr, position: Expr): Expr =>
      k.share(x.add(start, x.mul(position, operands.step(rows, 'position'))), 'row')

    const queryRow = rowOf(operands.queries, operands.start(operands.queries, batch, head), query)
    vectorLoop(k, 'feature', x.constant(0), this.E, (f) => {
      const at = x.add(queryRow, x.mul(f, operands.step(operands.queries, 'feature')))
      const scale = x.constant(operands.scale, 'f32')
      scratch.store(x.add(this.query, f), x.mul(operands.load(operands.queries, at), scale))
    })
    const states = this.accumulators.map((accumulator) => {
      vectorLoop(k, 'feature', x.constant(0), this.D, (f) => {
        scratch.store(x.add(accumulator, f), x.constant(0, 'f32'))
      })
      return {
        accumulator,
        greatest: k.variable('greatest', 'f32', x.constant(LEAST, 'f32')),
        sum: k.variable('sum', 'f32', x.constant(0, 'f32')),
      }
    })
    const [keyStart, valueStart] = [operands.keys, operands.values].map((r) => operands.start(r, batch, keyHead))
    const queryTile = x.div(query, x.constant(ATTENTION_TILE))
    k.loop('tile', x.constant(0), k.param('key_tiles', operands.tileCount('key')), x.constant(1), (tile) => {
      k.when(operands.possible(batch, head, queryTile, tile), () => {
        const from = k.share(x.mul(tile, x.constant(ATTENTION_TILE)), 'key_from')
        const tileKeys = x.min(x.sub(k.param('Tk', Tk), from), x.constant(ATTENTION_TILE))
        const count = k.share(tileKeys, 'key_count')
        this.products(rowOf(operands.keys, keyStart!, from), count)
        const values = rowOf(operands.values, valueStart!, from)
        states.forEach((state, g) => {
          const top = this.logits(g, state.greatest, { batch, head, query, from, count })
          const decay = k.share(x.prim(exp, [x.sub(state.greatest, top)], 'f32'), 'decay')
          const total = this.exponentials(top, count)
          k.assign(state.sum, x.fma(state.sum, decay, total))
          k.assign(state.greatest, top)
          this.accumulate(state.accumulator, decay, values, count)
        })
      })
    })
    this.store(batch, head, query, states)
  }

  /** The scores of a tile of keys. */
  private products(firstRow: Expr, count: Expr): void {
    const { operands, scratch } = this
    const { k } = this.frame
    const { x } = k
    const { keys } = operands
    const zero = x.constant(0, 'f32')
    const dot = (js: readonly Expr[]): void => {
      const rows = js.map((j) => k.share(x.add(firstRow, x.mul(j, operands.step(keys, 'position'))), 'key_row'))
      const vectors = rows.map(() => k.variable('totals', 'f32', zero, LANES))
      const scalars = rows.map(() => k.variable('total', 'f32', zero))
      vectorLoop(k, 'feature', x.constant(0), this.E, (f) => {
        const q = k.share(scratch.load(x.add(this.query, f)), 'q')
        rows.forEach((row, n) => {
          const total = (f.lanes === LANES ? vectors : scalars)[n]!
          const key = operands.load(keys, x.add(row, x.mul(f, operands.step(keys, 'feature'))))
          k.assign(total, x.fma(q, key, total))
        })
      })
      js.forEach((j, n) => {
        scratch.store(x.add(this.scores, j), x.add(x.across('sum', vectors[n]!), scalars[n]!))
      })
    }
    const whole = wholeOf(k, 'key', x.constant(0), count, x.constant(SIDE_BY_SIDE))
    k.loop('key', x.constant(0), whole, x.constant(SIDE_BY_SIDE), (j) =>
      dot(range(SIDE_BY_SIDE).map((n) => x.add(j, x.constant(n)))),
    )
    k.loop('key', whole, count, x.constant(1), (j) => dot([j]))
  }

  /** The logits of one group, forbidden ones far below all others; returns the greatest so far. */
  private logits(
    g: number,
    before: Expr,
    { batch, head, query, from, count }: Record<'batch' | 'head' | 'query' | 'from' | 'count', Expr>,
  ): Expr {
    const { scratch } = this
    const { k } = this.frame
    const { x } = k
    const vector = k.variable('tops', 'f32', x.constant(LEAST, 'f32'), LANES)
    const scalar = k.variable('top', 'f32', before)
    vectorLoop(k, 'key', x.constant(0), count, (j) => {
      const raw = k.share(scratch.load(x.add(this.scores, j)), 'score')
      const key = k.share(x.add(from, j), 'key')
      const { logit, allowed } = this.score.logits(raw, { batch, head, query, key })[g]!
      const masked = k.share(x.select(allowed, logit, x.constant(FORBIDDEN, 'f32')), 'logit')
      scratch.store(x.add(this.weights, j), masked)
      const top = j.lanes === LANES ? vector : scalar
      k.assign(top, x.foldMonoid('max', top, masked))
    })
    return k.share(x.foldMonoid('max', x.across('max', vector), scalar), 'greatest')
  }

  /** exp(logit - greatest) in place of the logits; returns their sum. */
  private exponentials(top: Expr, count: Expr): Expr {
    const { scratch } = this
    const { k } = this.frame
    const { x } = k
    const vector = k.variable('sums', 'f32', x.constant(0, 'f32'), LANES)
    const scalar = k.variable('sum', 'f32', x.constant(0, 'f32'))
    vectorLoop(k, 'key', x.constant(0), count, (j) => {
      const at = k.share(x.add(this.weights, j), 'at')
      const weight = k.share(x.prim(exp, [x.sub(scratch.load(at), top)], 'f32'), 'weight')
      scratch.store(at, weight)
      const sum = j.lanes === LANES ? vector : scalar
      k.assign(sum, x.add(sum, weight))
    })
    return k.share(x.add(x.across('sum', vector), scalar), 'tile_sum')
  }

  /** Adds the weighted values of a tile to what was there, which was too large by `decay`. */
  private accumulate(accumulator: Expr, decay: Expr, firstRow: Expr, count: Expr): void {
    const { operands, scratch } = this
    const { k } = this.frame
    const { x } = k
    const { values } = operands
    const add = (features: readonly Expr[]): void => {
      const columns = features.map((f) =>
        k.share(x.add(firstRow, x.mul(f, operands.step(values, 'feature'))), 'column'),
      )
      const totals = features.map((f) => k.variable('total', 'f32', x.constant(0, 'f32'), f.lanes))
      k.loop('key', x.constant(0), count, x.constant(1), (j) => {
        const weight = k.share(scratch.load(x.add(this.weights, j)), 'weight')
        const down = k.share(x.mul(j, operands.step(values, 'position')), 'down')
        totals.forEach((total, n) => {
          k.assign(total, x.fma(weight, operands.load(values, x.add(columns[n]!, down)), total))
        })
      })
      totals.forEach((total, n) => {
        const at = k.share(x.add(accumulator, features[n]!), 'at')
        scratch.store(at, x.fma(scratch.load(at), decay, total))
      })
    }
    const width = x.constant(SIDE_BY_SIDE * LANES)
    const whole = wholeOf(k, 'feature', x.constant(0), this.D, width)
    k.loop('feature', x.constant(0), whole, width, (f) =>
      add(range(SIDE_BY_SIDE).map((n) => x.ramp(x.add(f, x.constant(n * LANES))))),
    )
    vectorLoop(k, 'feature', whole, this.D, (f) => add([f]))
  }

  private store(
    batch: Expr,
    head: Expr,
    query: Expr,
    states: readonly { accumulator: Expr; greatest: Expr; sum: Expr }[],
  ): void {
    const { frame, operands, scratch } = this
    const { k } = frame
    const { x } = k
    const at = { batch, head, query }
    const factors = states.map(({ sum }) => normaliser(operands, sum))
    if (storesLogs(operands)) states.forEach(({ greatest, sum }, g) => storeLog(operands, at, g, sum, greatest))
    vectorLoop(k, 'feature', x.constant(0), this.D, (f) => {
      const parts = states.map((s, g) => k.share(x.mul(scratch.load(x.add(s.accumulator, f)), factors[g]!), 'part'))
      storeFeature(operands, at, f, parts)
    })
  }
}
