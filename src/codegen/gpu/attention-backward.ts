import type { Value } from '../../ir/graph.ts'
import { ATTENTION_TILE } from '../../ir/prims/attention.ts'
import { exp } from '../../ir/prims/unary.ts'
import { range } from '../../ir/shape.ts'
import { AttentionOperands } from '../attention-operands.ts'
import { type ScoreAt, ScoreEmitter } from '../attention-score.ts'
import type { Group } from '../fusion.ts'
import type { Expr } from '../kernel-ir.ts'
import { ceilDiv, Frame, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { AttentionTile, type Features, LANES, type Side, tilingOf, type Vectors } from './attention-tile.ts'

/** Columns of a thread's tile of scores. */
const COLUMNS = 4

/**
 * What both backward passes share: scores are computed again, tile by tile, with p = exp(logit - log) and
 * dlogit = p * (dp - sum). Nothing is added up by two threads, so that results are equal from run to run.
 *
 * Source: FlashAttention-2 (arXiv:2307.08691), algorithm 2.
 */
class Backward {
  readonly frame: Frame
  readonly operands: AttentionOperands
  private readonly score: ScoreEmitter

  constructor(group: Group, context: ScheduleContext) {
    this.frame = new Frame(group, context)
    this.operands = new AttentionOperands(this.frame, group, context)
    const { Tq, Tk } = this.operands.sizes
    this.score = new ScoreEmitter(this.operands, { queries: Tq, keys: Tk })
  }

  /** The results of the equation that this kernel makes, by position. */
  output(index: number): Value | undefined {
    const v = this.operands.equation.outputs[index]!
    return this.frame.isOutput(v) ? v : undefined
  }

  /** For each group, the statistics of a query. */
  statistics(batch: Expr, head: Expr, query: Expr): Statistics[] {
    const { operands } = this
    const { logs, sums } = operands.saved
    return range(operands.groups).map((g) => {
      const at = operands.statistic(batch, g, head, query)
      const load = (v: Value): Expr => operands.loadStatistic(v, at)
      return { log: load(logs), sum: load(sums) }
    })
  }

  /** The weights of all groups, added up, and what a score's cotangent is made from. */
  weigh(score: Expr, at: ScoreAt, exists: Expr, statistics: readonly Statistics[]): Weighed {
    const { k } = this.frame
    const { x } = k
    const raw = k.share(x.mul(score, x.constant(this.operands.scale, 'f32')), 'raw')
    const weights = this.score.logits(raw, at).map(({ logit, allowed }, g) => {
      const weight = x.prim(exp, [x.sub(logit, statistics[g]!.log)], 'f32')
      return k.share(x.select(x.and(allowed, exists), weight, x.constant(0, 'f32')), 'weight')
    })
    return {
      raw,
      weights,
      weight: k.share(
        weights.reduce((a, b) => x.add(a, b)),
        'weight',
      ),
    }
  }

  /** The cotangent of a raw score, from that of its weights. */
  pull({ raw, weights }: Weighed, weightCt: Expr, at: ScoreAt, statistics: readonly Statistics[]): Expr {
    const { k } = this.frame
    const { x } = k
    const cts = weights.map((w, g) => k.share(x.mul(w, x.sub(weightCt, statistics[g]!.sum)), 'logit_ct'))
    return this.score.pull(raw, at, cts)
  }

  /** Stores totals, times a factor, as rows of an output [B,heads,T,features]. */
  store(
    tile: AttentionTile,
    to: Value,
    totals: Totals,
    rows: Side,
    end: Expr,
    row: (position: Expr) => Expr,
    factor: number,
  ): void {
    const { frame } = this
    const { k } = frame
    const { x } = k
    const { features } = totals
    rows.positions.forEach((position, i) => {
      k.when(x.less(position, end), () => {
        const start = k.share(x.mul(row(position), features.count), 'out_row')
        tile.eachFeature(features, (f, pick, d) => {
          const total = pick(totals.values[i]![d]!)
          const value = factor === 1 ? total : x.mul(total, x.constant(factor, 'f32'))
          frame.store(x.add(start, f), x.cast(value, to.type.dtype), to)
        })
      })
    })
  }
}

interface Statistics {
  readonly log: Expr
  readonly sum: Expr
}
interface Weighed {
  readonly raw: Expr
  readonly weights: readonly Expr[]
  readonly weight: Expr
}
interface Totals {
  readonly features: Features
  readonly values: readonly (readonly Expr[])[]
}

/** The cotangent of the queries, of which a workgroup owns a block while keys go by. */
export function scheduleQueriesBackward(group: Group, context: ScheduleContext): Scheduled {
  const pass = new Backward(group, context)
  const { frame, operands } = pass
  const { k } = frame
  const { x } = k
  const { B, H, Tq, Tk, E, D } = operands.sizes
  const { keys, queries, values } = operands
  const { ct } = operands.saved
  const tile = new AttentionTile(operands, tilingOf(Tq, [E], COLUMNS))
  const batch = k.share(x.builtin('group_z'), 'batch')
  const head = k.share(x.builtin('group_y'), 'head')
  const keyHead = operands.keyHead(head)
  const [rowEnd, columnEnd] = [k.param('Tq', Tq), k.param('Tk', Tk)]
  const rows = tile.rows(rowEnd, 'query')
  const features = tile.features(E, 'E')
  const scoreCts = tile.weights('score_cts')
  const totals: Totals = { features, values: tile.totals(features) }
  const queryRows = tile.vectors(queries, operands.start(queries, batch, head), rows.inside)
  const ctRows = tile.vectors(ct, operands.start(ct, batch, head), rows.inside)
  const [keyStart, valueStart] = [operands.start(keys, batch, keyHead), operands.start(values, batch, keyHead)]
  const statistics = rows.inside.map((query) => pass.statistics(batch, head, query))
  const firstQuery = x.mul(tile.rowBlock, x.constant(tile.rowSize))
  const queryTile = k.share(x.div(firstQuery, x.constant(ATTENTION_TILE)), 'query_tile')

  const possible = (keyTile: Expr): Expr => operands.possible(batch, head, queryTile, keyTile)
  tile.eachColumnTile(columnEnd, possible, (from) => {
    const columns = tile.columns(from, columnEnd, 'key')
    k.comment('scores again, and the cotangents of their weights')
    const scores = tile.products(queryRows, tile.vectors(keys, keyStart, columns.inside), E, 'E')
    const weightCts = tile.products(ctRows, tile.vectors(values, valueStart, columns.inside), D, 'D')
    k.comment('weight = exp(logit - log), logit_ct = weight * (weight_ct - sum)')
    columns.places.forEach((column, j) => {
      const exists = k.share(x.less(columns.positions[j]!, columnEnd), 'exists')
      const cts = rows.inside.map((query, i) => {
        const at = { batch, head, query, key: columns.inside[j]! }
        const weighed = pass.weigh(scores[i]![j]!, at, exists, statistics[i]!)
        return pass.pull(weighed, weightCts[i]![j]!, at, statistics[i]!)
      })
      tile.storeWeights(scoreCts, column, cts)
    })
    k.barrier()
    k.comment('totals += score cotangents * keys')
    tile.accumulate(scoreCts, keys, keyStart, { from, end: columnEnd }, features, totals.values)
    k.barrier()
  })
  const row = (query: Expr): Expr => operands.queryRow(batch, head, query)
  pass.store(tile, pass.output(0)!, totals, rows, rowEnd, row, operands.scale)
  const groups = ceilDiv(Tq, tile.rowSize) * tile.tiling.featureBlocks
  return frame.finish('attention_queries', [LANES, LANES, 1], [groups, H, B], operands.flops, () => [])
}

/**
 * The cotangents of keys and values, or of one of them. A workgroup owns a block of keys while queries go by: those of
 * every query head that reads the keys, one head after the other.
 */
export function scheduleKeysBackward(group: Group, context: ScheduleContext): Scheduled {
  const pass = new Backward(group, context)
  const { frame, operands } = pass
  const { k } = frame
  const { x } = k
  const { B, H, K, Tq, Tk, E, D } = operands.sizes
  const { keys, queries, values } = operands
  const { ct } = operands.saved
  const [keyCt, valueCt] = [pass.output(0), pass.output(1)]
  const widths = [...(keyCt ? [E] : []), ...(valueCt ? [D] : [])]
  const tile = new AttentionTile(operands, tilingOf(Tk, widths, COLUMNS))
  const batch = k.share(x.builtin('group_z'), 'batch')
  const keyHead = k.share(x.builtin('group_y'), 'key_head')
  const [rowEnd, columnEnd] = [k.param('Tk', Tk), k.param('Tq', Tq)]
  const rows = tile.rows(rowEnd, 'key')
  const made = (v: Value | undefined, size: number, name: string): (Totals & { to: Value; array: string }) | null => {
    if (!v) return null
    const features = tile.features(size, name)
    return { to: v, features, values: tile.totals(features), array: tile.weights(`${name}_weights`) }
  }
  const [keyTotals, valueTotals] = [made(keyCt, E, 'E'), made(valueCt, D, 'D')]
  const keyRows = tile.vectors(keys, operands.start(keys, batch, keyHead), rows.inside)
  const valueRows = tile.vectors(values, operands.start(values, batch, keyHead), rows.inside)
  const firstKey = x.mul(tile.rowBlock, x.constant(tile.rowSize))
  const keyTile = k.share(x.div(firstKey, x.constant(ATTENTION_TILE)), 'key_tile')
  const shared = k.param('heads_per_key_head', H / K)

  k.loop('shared_head', x.constant(0), shared, x.constant(1), (n) => {
    const head = k.share(x.add(x.mul(keyHead, shared), n), 'head')
    const [queryStart, ctStart] = [operands.start(queries, batch, head), operands.start(ct, batch, head)]
    const possible = (queryTile: Expr): Expr => operands.possible(batch, head, queryTile, keyTile)
    tile.eachColumnTile(columnEnd, possible, (from) => {
      const columns = tile.columns(from, columnEnd, 'query')
      const products = (own: Vectors, rowsOf: typeof ct, start: Expr, size: number, name: string): Expr[][] =>
        tile.products(own, tile.vectors(rowsOf, start, columns.inside), size, name)
      k.comment('scores again, and the cotangents of their weights')
      const scores = products(keyRows, queries, queryStart, E, 'E')
      const weightCts = keyTotals ? products(valueRows, ct, ctStart, D, 'D') : null
      const statistics = columns.inside.map((query) => pass.statistics(batch, head, query))
      k.comment('weight = exp(logit - log), logit_ct = weight * (weight_ct - sum)')
      columns.places.forEach((column, j) => {
        const exists = k.share(x.less(columns.positions[j]!, columnEnd), 'exists')
        const each = rows.inside.map((key, i) => {
          const at = { batch, head, query: columns.inside[j]!, key }
          return { i, at, weighed: pass.weigh(scores[i]![j]!, at, exists, statistics[j]!) }
        })
        if (valueTotals) {
          const weights = each.map(({ weighed }) => weighed.weight)
          tile.storeWeights(valueTotals.array, column, weights)
        }
        if (keyTotals && weightCts) {
          const cts = each.map(({ i, at, weighed }) => pass.pull(weighed, weightCts[i]![j]!, at, statistics[j]!))
          tile.storeWeights(keyTotals.array, column, cts)
        }
      })
      k.barrier()
      const add = (operand: typeof ct, start: Expr, to: typeof keyTotals): void => {
        if (to) tile.accumulate(to.array, operand, start, { from, end: columnEnd }, to.features, to.values)
      }
      add(ct, ctStart, valueTotals)
      add(queries, queryStart, keyTotals)
      k.barrier()
    })
  })
  const headRow = k.share(x.mul(x.add(x.mul(batch, k.param('K', K)), keyHead), k.param('Tk', Tk)), 'head_row')
  const row = (key: Expr): Expr => x.add(headRow, key)
  if (keyTotals) pass.store(tile, keyTotals.to, keyTotals, rows, rowEnd, row, operands.scale)
  if (valueTotals) pass.store(tile, valueTotals.to, valueTotals, rows, rowEnd, row, 1)
  const groups = ceilDiv(Tk, tile.rowSize) * tile.tiling.featureBlocks
  return frame.finish('attention_keys_values', [LANES, LANES, 1], [groups, K, B], operands.flops, () => [])
}
