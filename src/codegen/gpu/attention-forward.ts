import { ATTENTION_TILE } from '../../ir/prims/attention.ts'
import { exp } from '../../ir/prims/unary.ts'
import { range } from '../../ir/shape.ts'
import { FORBIDDEN, LEAST } from '../attention-bounds.ts'
import { AttentionOperands } from '../attention-operands.ts'
import { normaliser, storeFeature, storeLog, storesLogs } from '../attention-results.ts'
import { ScoreEmitter } from '../attention-score.ts'
import type { Group } from '../fusion.ts'
import type { Expr } from '../kernel-ir.ts'
import { ceilDiv, Frame, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { AttentionTile, type Features, LANES, type Side, tilingOf } from './attention-tile.ts'

/** Keys of a thread's tile of scores: fewer with several groups, each of which has logits for all of them. */
const columnsFor = (groups: number): number => (groups === 1 ? 8 : 4)

/**
 * Attention of a block of queries to a workgroup. Keys go by in tiles; for each softmax group a thread keeps of its
 * queries the greatest logit so far, the sum of exp(logit - greatest) over its own keys, and the sum of those times the
 * values for its own features. Tiles that no mask allows anything in are passed over.
 *
 * Source: FlashAttention-2 (arXiv:2307.08691), algorithm 1.
 */
export function scheduleForward(group: Group, context: ScheduleContext): Scheduled {
  const frame = new Frame(group, context)
  const operands = new AttentionOperands(frame, group, context)
  const { B, H, Tq, D } = operands.sizes
  const tiling = tilingOf(
    Tq,
    range(operands.groups).map(() => D),
    columnsFor(operands.groups),
  )
  const tile = new AttentionTile(operands, tiling)
  new Forward(tile).emit()
  const blocks = ceilDiv(Tq, tile.rowSize) * tiling.featureBlocks
  const name = `attention_${tile.rowSize}x${tile.columnSize}`
  return frame.finish(name, [LANES, LANES, 1], [blocks, H, B], operands.flops, () => [])
}

/** What a thread keeps of one softmax group: for each of its queries, and for each of its features. */
interface GroupState {
  readonly greatest: readonly Expr[]
  readonly sums: readonly Expr[]
  readonly totals: readonly (readonly Expr[])[]
}

class Forward {
  private readonly operands: AttentionOperands
  private readonly score: ScoreEmitter
  private readonly queries: Side
  private readonly features: Features
  private readonly states: readonly GroupState[]
  private readonly weights: string
  /** What each thread knows of each query of a group, for the others to read. */
  private readonly parts: string
  private readonly batch: Expr
  private readonly head: Expr

  constructor(private readonly tile: AttentionTile) {
    const { operands } = tile
    this.operands = operands
    const { k } = operands.frame
    const { x } = k
    const { Tq, Tk, D } = operands.sizes
    this.score = new ScoreEmitter(operands, { queries: Tq, keys: Tk })
    this.batch = k.share(x.builtin('group_z'), 'batch')
    this.head = k.share(x.builtin('group_y'), 'head')
    this.queries = tile.rows(k.param('Tq', Tq), 'query')
    this.features = tile.features(D, 'D')
    this.weights = tile.weights('weights')
    this.parts = k.shared('parts', 'f32', operands.groups * LANES * tile.rowSize)
    const each = (name: string, value: number): Expr[] =>
      this.queries.places.map(() => k.variable(name, 'f32', x.constant(value, 'f32')))
    this.states = range(operands.groups).map(() => ({
      greatest: each('greatest', LEAST),
      sums: each('sum', 0),
      totals: tile.totals(this.features),
    }))
  }

  emit(): void {
    const { operands, tile } = this
    const { k } = operands.frame
    const { x } = k
    const queryTile = k.share(
      x.div(x.mul(tile.rowBlock, x.constant(tile.rowSize)), x.constant(ATTENTION_TILE)),
      'query_tile',
    )
    const possible = (keyTile: Expr): Expr => operands.possible(this.batch, this.head, queryTile, keyTile)
    tile.eachColumnTile(k.param('Tk', operands.sizes.Tk), possible, (from) => this.keyTile(from))
    this.store()
  }

  private keyTile(from: Expr): void {
    const { operands, tile } = this
    const { k } = operands.frame
    const { x } = k
    const { values } = operands
    const keyHead = operands.keyHead(this.head)
    const end = k.param('Tk', operands.sizes.Tk)
    const columns = tile.columns(from, end, 'key')
    k.comment('the scores of this thread: some queries with some keys of the tile')
    const logits = this.logits(keyHead, columns, end)
    k.comment('the greatest logit of each query, among the threads that share it')
    this.states.forEach((_, g) => {
      const greatest = logits[g]!.map((row) => row.reduce((a, b) => x.foldMonoid('max', a, b)))
      this.share(g, greatest)
    })
    k.barrier()
    this.states.forEach((state, g) => {
      k.comment('weights = exp(logit - greatest); what was summed with a smaller greatest one decays')
      this.exponentials(g, state, logits[g]!, columns)
      k.barrier()
      const valueStart = operands.start(values, this.batch, keyHead)
      k.comment('totals += weights * values')
      tile.accumulate(this.weights, values, valueStart, { from, end }, this.features, state.totals)
      k.barrier()
    })
  }

  /** For each group, query and key. */
  private logits(keyHead: Expr, columns: Side, end: Expr): Expr[][][] {
    const { batch, head, operands, queries, tile } = this
    const { k } = operands.frame
    const { x } = k
    const scores = tile.products(
      tile.vectors(operands.queries, operands.start(operands.queries, batch, head), queries.inside),
      tile.vectors(operands.keys, operands.start(operands.keys, batch, keyHead), columns.inside),
      operands.sizes.E,
      'E',
    )
    const forbidden = x.constant(FORBIDDEN, 'f32')
    const emitted = scores.map((row, i) =>
      row.map((score, j) => {
        const raw = k.share(x.mul(score, x.constant(operands.scale, 'f32')), 'raw')
        const isKey = k.share(x.less(columns.positions[j]!, end), 'is_key')
        const at = { batch, head, query: queries.inside[i]!, key: columns.inside[j]! }
        return this.score
          .logits(raw, at)
          .map(({ logit, allowed }) => k.share(x.select(x.and(allowed, isKey), logit, forbidden), 'logit'))
      }),
    )
    return this.states.map((_, g) => emitted.map((row) => row.map((groups) => groups[g]!)))
  }

  /** exp(logit - greatest) of one group for all threads to read; what was summed before is made fit. */
  private exponentials(g: number, state: GroupState, logits: readonly (readonly Expr[])[], columns: Side): void {
    const { k } = this.operands.frame
    const { x } = k
    const tops = this.gather(g, 'max', state.greatest)
    const weights = tops.map((top, i) => {
      const [greatest, sum] = [state.greatest[i]!, state.sums[i]!]
      const decay = k.share(x.prim(exp, [x.sub(greatest, top)], 'f32'), 'decay')
      k.assign(greatest, top)
      const row = logits[i]!.map((logit) => k.share(x.prim(exp, [x.sub(logit, top)], 'f32'), 'weight'))
      const total = row.reduce((a, b) => x.add(a, b))
      k.assign(sum, x.add(x.mul(sum, decay), total))
      for (const t of state.totals[i]!) k.assign(t, x.mul(t, decay))
      return row
    })
    columns.places.forEach((column, j) => {
      this.tile.storeWeights(
        this.weights,
        column,
        weights.map((row) => row[j]!),
      )
    })
  }

  /** Leaves a number for each of this thread's queries to the other threads of the same queries. */
  private share(g: number, values: readonly Expr[]): void {
    const { k } = this.operands.frame
    values.forEach((value, i) => {
      k.storeShared(this.parts, this.partAt(g, this.tile.columnLane, this.queries.places[i]!), value)
    })
  }

  /** Folds what those threads left onto a number for each query. */
  private gather(g: number, monoid: 'max' | 'sum', from: readonly Expr[]): Expr[] {
    const { k } = this.operands.frame
    const { x } = k
    const results = from.map((value) => k.variable(monoid, 'f32', value))
    k.loop('lane', x.constant(0), x.constant(LANES), x.constant(1), (lane) => {
      results.forEach((result, i) => {
        const part = x.loadShared(this.parts, 'f32', this.partAt(g, lane, this.queries.places[i]!), k.depth)
        k.assign(result, x.foldMonoid(monoid, result, part))
      })
    })
    return results
  }

  private partAt(g: number, lane: Expr, place: Expr): Expr {
    const { x } = this.operands.frame.k
    return x.add(x.mul(x.add(lane, x.constant(g * LANES)), x.constant(this.tile.rowSize)), place)
  }

  /** The totals by the sums, and added up; a query without keys gets 0 of a group. */
  private store(): void {
    const { batch, features, head, operands, queries, tile } = this
    const { frame } = operands
    const { k } = frame
    const { x } = k
    const zero = x.constant(0, 'f32')
    this.states.forEach((state, g) => this.share(g, state.sums))
    k.barrier()
    const sums = this.states.map((state, g) =>
      this.gather(
        g,
        'sum',
        state.sums.map(() => zero),
      ),
    )
    queries.positions.forEach((query, i) => {
      k.when(x.less(query, k.param('Tq', operands.sizes.Tq)), () => {
        const at = { batch, head, query }
        const factors = sums.map((of) => normaliser(operands, of[i]!))
        if (storesLogs(operands)) {
          k.when(k.share(x.binary('==', x.add(tile.columnLane, tile.featureBlock), x.constant(0)), 'is_first'), () => {
            this.states.forEach(({ greatest }, g) => storeLog(operands, at, g, sums[g]![i]!, greatest[i]!))
          })
        }
        tile.eachFeature(features, (f, pick, d) => {
          const of = this.states.map(({ totals }, g) => k.share(x.mul(pick(totals[i]![d]!), factors[g]!), 'part'))
          storeFeature(operands, at, f, of)
        })
      })
    })
  }
}
