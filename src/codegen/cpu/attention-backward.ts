import { ATTENTION_TILE } from '../../ir/prims/attention.ts'
import { exp } from '../../ir/prims/unary.ts'
import { AttentionOperands, type Rows } from '../attention-operands.ts'
import { type ScoreAt, ScoreEmitter } from '../attention-score.ts'
import type { Group } from '../fusion.ts'
import type { Expr } from '../kernel-ir.ts'
import { ceilDiv, Frame, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { AttentionBlock, type Left, PANEL, type Panel, type Region, type Span } from './attention-block.ts'
import { vectorLoop } from './loops.ts'

/**
 * What both backward passes share. A block of queries, or of keys, lies across the lanes; tiles of the other go by, and
 * of each the scores are computed again, with p = exp(logit - log) and dlogit = p * (dp - sum).
 *
 * Source: FlashAttention-2 (arXiv:2307.08691), algorithm 2.
 */
abstract class Backward {
  readonly frame: Frame
  readonly operands: AttentionOperands
  protected readonly block: AttentionBlock
  /** Scores, and then their cotangents. */
  protected readonly scores: Region
  /** Cotangents of the weights, and then what the pass needs of the weights. */
  protected readonly weights: Region
  protected readonly E: Expr
  protected readonly D: Expr
  private readonly score: ScoreEmitter

  constructor(group: Group, context: ScheduleContext) {
    this.frame = new Frame(group, context)
    this.operands = new AttentionOperands(this.frame, group, context)
    const { E, D, Tq, Tk } = this.operands.sizes
    const { k } = this.frame
    this.E = k.param('E', E)
    this.D = k.param('D', D)
    this.block = new AttentionBlock(this.operands, ATTENTION_TILE, Math.max(E, D, ATTENTION_TILE))
    this.scores = this.block.matrix('scores', ATTENTION_TILE)
    this.weights = this.block.matrix('weights', ATTENTION_TILE)
    const whole = (n: number): number => ceilDiv(n, PANEL) * PANEL
    this.score = new ScoreEmitter(this.operands, { queries: whole(Tq), keys: whole(Tk) })
  }

  protected outer(count: number, heads: number, name: string): { block: Expr; head: Expr; batch: Expr } {
    const { k } = this.frame
    const { x } = k
    const piece = k.share(x.builtin('group_x'), 'piece')
    const blocks = k.param(`${name}_blocks`, count)
    const rest = k.share(x.div(piece, blocks), 'rest')
    const headCount = k.param(`${name}_heads`, heads)
    return {
      block: k.share(x.rem(piece, blocks), 'block'),
      head: k.share(x.rem(rest, headCount), 'head'),
      batch: k.share(x.div(rest, headCount), 'batch'),
    }
  }

  protected queryBlock(block: Expr): Span {
    return this.block.span(block, ATTENTION_TILE, this.frame.k.param('Tq', this.operands.sizes.Tq), 'query')
  }

  protected keyBlock(block: Expr): Span {
    return this.block.span(block, ATTENTION_TILE, this.frame.k.param('Tk', this.operands.sizes.Tk), 'key')
  }

  protected storeProduct(left: Left, right: Region, span: Span, to: Region): void {
    const { block } = this
    block.products(left, right, span, (row, panel, v, total) => {
      block.scratch.store(block.inPanel(block.panelAt(to, panel.number), row, v), total)
    })
  }

  protected addProduct(left: Left, right: Region, span: Span, to: Region): void {
    const { block } = this
    const { k } = this.frame
    block.products(left, right, span, (row, panel, v, total) => {
      const at = k.share(block.inPanel(block.panelAt(to, panel.number), row, v), 'at')
      block.scratch.store(at, k.x.add(block.scratch.load(at), total))
    })
  }

  /**
   * Of one vector of scores: the cotangents in place of the scores, and the weights of all groups, added up, in place of
   * their cotangents.
   */
  protected differentiate(
    panel: Panel,
    row: Expr,
    v: number,
    at: ScoreAt,
    statistic: (g: number) => { log: Expr; sum: Expr },
  ): void {
    const { block } = this
    const { scratch } = block
    const { k } = this.frame
    const { x } = k
    const zero = x.constant(0, 'f32')
    const scoreAt = k.share(block.inPanel(block.panelAt(this.scores, panel.number), row, v), 'score_at')
    const weightAt = k.share(block.inPanel(block.panelAt(this.weights, panel.number), row, v), 'weight_at')
    const raw = k.share(scratch.load(scoreAt), 'score')
    const weightCt = k.share(scratch.load(weightAt), 'weight_ct')
    const groups = this.score.logits(raw, at).map(({ logit, allowed }, g) => {
      const { log, sum } = statistic(g)
      const weight = k.share(x.select(allowed, x.prim(exp, [x.sub(logit, log)], 'f32'), zero), 'weight')
      return { weight, logitCt: k.share(x.mul(weight, x.sub(weightCt, sum)), 'logit_ct') }
    })
    const ct = this.score.pull(
      raw,
      at,
      groups.map((g) => g.logitCt),
    )
    scratch.store(scoreAt, k.share(ct, 'score_ct'))
    scratch.store(
      weightAt,
      groups.map((g) => g.weight).reduce((a, b) => x.add(a, b)),
    )
  }

  /** Stores an accumulator, features by lanes, as rows of an output [B,heads,T,features]. */
  protected storeRows(
    index: number,
    from: Region,
    span: Span,
    { features, firstRow, scale }: { features: Expr; firstRow: Expr; scale: number },
  ): void {
    const { block, frame, operands } = this
    const { k } = frame
    const { x } = k
    const out = operands.equation.outputs[index]!
    k.loop('position', x.constant(0), span.count, x.constant(1), (lane) => {
      const row = k.share(x.mul(x.add(firstRow, lane), features), 'row')
      vectorLoop(k, 'feature', x.constant(0), features, (f) => {
        const total = block.scratch.load(block.element(from, f, lane))
        const scaled = scale === 1 ? total : x.mul(total, x.constant(scale, 'f32'))
        frame.store(x.add(row, f), x.cast(scaled, out.type.dtype), out)
      })
    })
  }

  protected finish(name: string, pieces: number): Scheduled {
    return this.frame.finish(name, [1, 1, 1], [pieces, 1, 1], this.operands.flops, () => [])
  }

  abstract schedule(): Scheduled
}

/** The cotangent of the queries, a block of which lies across the lanes. */
class QueriesBackward extends Backward {
  schedule(): Scheduled {
    const { block, frame, operands } = this
    const { k } = frame
    const { x } = k
    const { B, H, Tq, E, D } = operands.sizes
    const { scratch } = block
    const { ct, logs, sums } = operands.saved
    const queries = block.matrix('queries', E)
    const cts = block.matrix('cts', D)
    const total = block.matrix('total', E)
    scratch.close()
    const blocks = ceilDiv(Tq, ATTENTION_TILE)
    const { block: queryBlock, head, batch } = this.outer(blocks, H, 'query')
    const span = this.queryBlock(queryBlock)
    block.pack(queries, operands.queries, operands.start(operands.queries, batch, head), span, this.E, operands.scale)
    block.pack(cts, ct, operands.start(ct, batch, head), span, this.D)
    block.fill(total, this.E, span, 0)
    const keyHead = operands.keyHead(head)
    const [keyStart, valueStart] = [operands.keys, operands.values].map((r) => operands.start(r, batch, keyHead))
    const last = x.sub(span.end, x.constant(1))
    k.loop('tile', x.constant(0), k.param('key_tiles', operands.tileCount('key')), x.constant(1), (tile) => {
      k.when(operands.possible(batch, head, queryBlock, tile), () => {
        const keys = this.keyBlock(tile)
        this.storeProduct(block.byPosition(operands.keys, keyStart!, keys, this.E), queries, span, this.scores)
        this.storeProduct(block.byPosition(operands.values, valueStart!, keys, this.D), cts, span, this.weights)
        block.eachPanel(span, (panel) => {
          const position = panel.lanes.map((lane) => k.share(x.add(span.from, lane), 'query'))
          const inside = position.map((query) => k.share(x.min(query, last), 'inside'))
          const statistics = inside.map((query) =>
            Array.from({ length: operands.groups }, (_, g) => {
              const at = operands.statistic(batch, g, head, query)
              const load = (v: typeof logs): Expr => operands.loadStatistic(v, at)
              return { log: load(logs), sum: load(sums) }
            }),
          )
          k.loop('key', x.constant(0), keys.count, x.constant(1), (j) => {
            const key = k.share(x.add(keys.from, j), 'key')
            panel.lanes.forEach((_, v) => {
              this.differentiate(panel, j, v, { batch, head, query: position[v]!, key }, (g) => statistics[v]![g]!)
            })
          })
        })
        this.addProduct(block.byFeature(operands.keys, keyStart!, keys, this.E), this.scores, span, total)
      })
    })
    const firstRow = operands.queryRow(batch, head, span.from)
    this.storeRows(0, total, span, { features: this.E, firstRow, scale: operands.scale })
    return this.finish('attention_queries', B * H * blocks)
  }
}

/** The cotangents of keys and values, a block of which lies across the lanes, summed over the query heads they serve. */
class KeysBackward extends Backward {
  schedule(): Scheduled {
    const { block, frame, operands } = this
    const { k } = frame
    const { x } = k
    const { B, H, K, Tk, E, D } = operands.sizes
    const { scratch } = block
    const keys = block.matrix('keys', E)
    const values = block.matrix('values', D)
    const keyTotal = block.matrix('key_total', E)
    const valueTotal = block.matrix('value_total', D)
    scratch.close()
    const blocks = ceilDiv(Tk, ATTENTION_TILE)
    const { block: keyBlock, head: keyHead, batch } = this.outer(blocks, K, 'key')
    const span = this.keyBlock(keyBlock)
    const start = (rows: Rows): Expr => operands.start(rows, batch, keyHead)
    block.pack(keys, operands.keys, start(operands.keys), span, this.E, operands.scale)
    block.pack(values, operands.values, start(operands.values), span, this.D)
    block.fill(keyTotal, this.E, span, 0)
    block.fill(valueTotal, this.D, span, 0)
    const shared = k.param('heads_per_key_head', H / K)
    k.loop('shared', x.constant(0), shared, x.constant(1), (i) => {
      const head = k.share(x.add(x.mul(keyHead, shared), i), 'head')
      k.loop('tile', x.constant(0), k.param('query_tiles', operands.tileCount('query')), x.constant(1), (tile) => {
        k.when(operands.possible(batch, head, tile, keyBlock), () => {
          this.tile({ batch, head, tile }, { keys, values, keyTotal, valueTotal }, span)
        })
      })
    })
    const row = x.add(x.mul(batch, k.param('K', K)), keyHead)
    const firstRow = k.share(x.add(x.mul(row, k.param('Tk', Tk)), span.from), 'first_row')
    const [keyCt, valueCt] = operands.equation.outputs
    if (frame.isOutput(keyCt!)) {
      this.storeRows(0, keyTotal, span, { features: this.E, firstRow, scale: operands.scale })
    }
    if (frame.isOutput(valueCt!)) this.storeRows(1, valueTotal, span, { features: this.D, firstRow, scale: 1 })
    return this.finish('attention_keys_values', B * K * blocks)
  }

  private tile(
    { batch, head, tile }: { batch: Expr; head: Expr; tile: Expr },
    { keys, values, keyTotal, valueTotal }: Record<'keys' | 'values' | 'keyTotal' | 'valueTotal', Region>,
    span: Span,
  ): void {
    const { block, frame, operands } = this
    const { k } = frame
    const { x } = k
    const { ct, logs, sums } = operands.saved
    const [keyCt, valueCt] = operands.equation.outputs
    const queries = this.queryBlock(tile)
    const queryStart = operands.start(operands.queries, batch, head)
    const ctStart = operands.start(ct, batch, head)
    this.storeProduct(block.byPosition(operands.queries, queryStart, queries, this.E), keys, span, this.scores)
    this.storeProduct(block.byPosition(ct, ctStart, queries, this.D), values, span, this.weights)
    k.loop('query', x.constant(0), queries.count, x.constant(1), (i) => {
      const query = k.share(x.add(queries.from, i), 'query')
      const statistics = Array.from({ length: operands.groups }, (_, g) => {
        const at = operands.statistic(batch, g, head, query)
        const load = (v: typeof logs): Expr => operands.loadStatistic(v, at)
        return { log: load(logs), sum: load(sums) }
      })
      block.eachPanel(span, (panel) => {
        panel.lanes.forEach((lane, v) => {
          const key = k.share(x.add(span.from, lane), 'key')
          this.differentiate(panel, i, v, { batch, head, query, key }, (g) => statistics[g]!)
        })
      })
    })
    if (frame.isOutput(valueCt!)) {
      this.addProduct(block.byFeature(ct, ctStart, queries, this.D), this.weights, span, valueTotal)
    }
    if (frame.isOutput(keyCt!)) {
      this.addProduct(block.byFeature(operands.queries, queryStart, queries, this.E), this.scores, span, keyTotal)
    }
  }
}

export const scheduleQueriesBackward = (group: Group, context: ScheduleContext): Scheduled =>
  new QueriesBackward(group, context).schedule()

export const scheduleKeysBackward = (group: Group, context: ScheduleContext): Scheduled =>
  new KeysBackward(group, context).schedule()
