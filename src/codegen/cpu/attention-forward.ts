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
import { AttentionBlock, PANEL, type Panel, type Region, type Span } from './attention-block.ts'
import { vectorLoop } from './loops.ts'

/** Tiles of queries that a piece of work may have: the more, the less often keys and values are packed. */
const TILES_OF_QUERIES = [4, 2]
/** Pieces of work to have where there are so many queries: enough for a few threads to end together. */
const PIECES = 8

/**
 * Attention of a block of queries, which lie across the lanes: keys go by in tiles, and for each softmax group the
 * greatest logit so far, the sum of exp(logit - greatest) and the sum of those times the values are kept. Tiles that no
 * mask allows anything in are passed over.
 *
 * Source: FlashAttention-2 (arXiv:2307.08691), algorithm 1.
 */
export function scheduleForward(group: Group, context: ScheduleContext): Scheduled {
  const frame = new Frame(group, context)
  const operands = new AttentionOperands(frame, group, context)
  const { B, H, Tq } = operands.sizes
  const tiles = operands.tileCount('query')
  const most = TILES_OF_QUERIES.find((n) => n <= tiles && B * H * ceilDiv(tiles, n) >= PIECES) ?? 1
  const size = most * ATTENTION_TILE
  const blocks = ceilDiv(Tq, size)
  new Forward(frame, operands, size, blocks).emit()
  return frame.finish('attention', [1, 1, 1], [B * H * blocks, 1, 1], operands.flops, () => [])
}

/** What is kept of one softmax group: a value for each query, and the accumulator, features by queries. */
interface GroupState {
  readonly greatest: Expr
  readonly sum: Expr
  readonly accumulator: Region
}

class Forward {
  private readonly block: AttentionBlock
  private readonly score: ScoreEmitter
  private readonly queries: Region
  private readonly scores: Region
  /** Of one group at a time; those of the last take the place of the scores. */
  private readonly weights: Region
  private readonly decay: Expr
  private readonly states: readonly GroupState[]
  private readonly E: Expr
  private readonly D: Expr

  constructor(
    private readonly frame: Frame,
    private readonly operands: AttentionOperands,
    private readonly size: number,
    private readonly blocks: number,
  ) {
    const { E, D, Tq, Tk } = operands.sizes
    this.E = frame.k.param('E', E)
    this.D = frame.k.param('D', D)
    const block = new AttentionBlock(operands, size, Math.max(E, ATTENTION_TILE))
    this.queries = block.matrix('queries', E)
    this.scores = block.matrix('scores', ATTENTION_TILE)
    this.weights = operands.groups > 1 ? block.matrix('weights', ATTENTION_TILE) : this.scores
    this.decay = block.row('decay')
    this.states = range(operands.groups).map((g) => ({
      greatest: block.row(`greatest${g}`),
      sum: block.row(`sum${g}`),
      accumulator: block.matrix(`accumulator${g}`, D),
    }))
    block.scratch.close()
    this.block = block
    this.score = new ScoreEmitter(operands, { queries: ceilDiv(Tq, PANEL) * PANEL, keys: Tk })
  }

  emit(): void {
    const { block, operands } = this
    const { k } = this.frame
    const { x } = k
    const { H, Tq } = operands.sizes
    const piece = k.share(x.builtin('group_x'), 'piece')
    const queryBlock = k.share(x.rem(piece, k.param('query_blocks', this.blocks)), 'query_block')
    const rest = k.share(x.div(piece, k.param('query_blocks', this.blocks)), 'rest')
    const head = k.share(x.rem(rest, k.param('H', H)), 'head')
    const batch = k.share(x.div(rest, k.param('H', H)), 'batch')
    const span = block.span(queryBlock, this.size, k.param('Tq', Tq), 'query')
    const start = operands.start(operands.queries, batch, head)
    block.pack(this.queries, operands.queries, start, span, this.E, operands.scale)
    for (const state of this.states) {
      block.fillRow(state.greatest, span, LEAST)
      block.fillRow(state.sum, span, 0)
      block.fill(state.accumulator, this.D, span, 0)
    }
    k.loop('tile', x.constant(0), k.param('key_tiles', operands.tileCount('key')), x.constant(1), (tile) => {
      const panels = this.possiblePanels(batch, head, queryBlock, tile, span)
      k.when(x.less(panels.from, panels.to), () => this.tile(batch, head, { ...span, panels }, tile))
    })
    this.storeLogs(batch, head, span)
    this.storeOutputs(batch, head, span)
  }

  /** The panels of queries that may attend to anything in a tile: from the first to the last. */
  private possiblePanels(
    batch: Expr,
    head: Expr,
    queryBlock: Expr,
    tile: Expr,
    span: Span,
  ): { readonly from: Expr; readonly to: Expr } {
    const { k } = this.frame
    const { x } = k
    const perBlock = this.size / ATTENTION_TILE
    const last = k.param('last_query_tile', this.operands.tileCount('query') - 1)
    const possible = range(perBlock).map((i) => {
      const queryTile = x.add(x.mul(queryBlock, x.constant(perBlock)), x.constant(i))
      return this.operands.possible(batch, head, i === 0 ? queryTile : x.min(queryTile, last), tile)
    })
    const panel = (tiles: number): Expr => x.constant((tiles * ATTENTION_TILE) / PANEL)
    const from = possible.reduceRight((rest, is, i) => x.select(is, panel(i), rest), panel(perBlock))
    const to = possible.reduce((rest, is, i) => x.select(is, panel(i + 1), rest), panel(0))
    return { from: k.share(from, 'from_panel'), to: k.share(x.min(to, this.block.panelCount(span)), 'to_panel') }
  }

  private tile(batch: Expr, head: Expr, queries: Span, tile: Expr): void {
    const { block, operands } = this
    const { scratch } = block
    const { k } = this.frame
    const { x } = k
    const { keys, values } = operands
    const keyHead = operands.keyHead(head)
    const span = block.span(tile, ATTENTION_TILE, k.param('Tk', operands.sizes.Tk), 'key')
    k.comment('scores: a tile of keys by the queries of the block')
    const byKey = block.byPosition(keys, operands.start(keys, batch, keyHead), span, this.E)
    block.products(byKey, this.queries, queries, (row, panel, v, total) => {
      scratch.store(block.inPanel(block.panelAt(this.scores, panel.number), row, v), total)
    })
    const byFeature = block.byFeature(values, operands.start(values, batch, keyHead), span, this.D)
    this.states.forEach((state, g) => {
      const weights = g === this.states.length - 1 ? this.scores : this.weights
      k.comment('weights = exp(logit - greatest), and by how much what was summed before decays')
      block.eachPanel(queries, (panel) => this.exponentials(g, weights, batch, head, queries, span, panel))
      k.comment('accumulator = accumulator * decay + values * weights')
      block.products(byFeature, weights, queries, (row, panel, v, total) => {
        const at = k.share(block.inPanel(block.panelAt(state.accumulator, panel.number), row, v), 'at')
        const decay = k.share(scratch.load(x.add(this.decay, panel.lanes[v]!)), 'decay')
        scratch.store(at, x.fma(scratch.load(at), decay, total))
      })
    })
  }

  /** exp(logit - greatest) of one group in place of the scores, and by how much what was summed before is too large. */
  private exponentials(
    g: number,
    weights: Region,
    batch: Expr,
    head: Expr,
    queries: Span,
    keys: Span,
    panel: Panel,
  ): void {
    const { block } = this
    const { scratch } = block
    const { k } = this.frame
    const { x } = k
    const state = this.states[g]!
    const from = block.panelAt(this.scores, panel.number)
    const to = block.panelAt(weights, panel.number)
    const before = panel.lanes.map((lane) => k.share(scratch.load(x.add(state.greatest, lane)), 'before'))
    const greatest = before.map((b) => k.variable('greatest', 'f32', b))
    k.loop('key', x.constant(0), keys.count, x.constant(1), (j) => {
      const key = k.share(x.add(keys.from, j), 'key')
      panel.lanes.forEach((lane, v) => {
        const query = k.share(x.add(queries.from, lane), 'query')
        const raw = k.share(scratch.load(block.inPanel(from, j, v)), 'score')
        const { logit, allowed } = this.score.logits(raw, { batch, head, query, key })[g]!
        const masked = k.share(x.select(allowed, logit, x.constant(FORBIDDEN, 'f32')), 'logit')
        if (masked !== raw || weights !== this.scores) scratch.store(block.inPanel(to, j, v), masked)
        k.assign(greatest[v]!, x.foldMonoid('max', greatest[v]!, masked))
      })
    })
    const sums = greatest.map(({ lanes }) => k.variable('sum', 'f32', x.constant(0, 'f32'), lanes))
    k.loop('key', x.constant(0), keys.count, x.constant(1), (j) => {
      greatest.forEach((top, v) => {
        const at = block.inPanel(to, j, v)
        const weight = k.share(x.prim(exp, [x.sub(scratch.load(at), top)], 'f32'), 'weight')
        scratch.store(at, weight)
        k.assign(sums[v]!, x.add(sums[v]!, weight))
      })
    })
    panel.lanes.forEach((lane, v) => {
      const decay = k.share(x.prim(exp, [x.sub(before[v]!, greatest[v]!)], 'f32'), 'decay')
      const sumAt = k.share(x.add(state.sum, lane), 'sum_at')
      scratch.store(sumAt, x.fma(scratch.load(sumAt), decay, sums[v]!))
      scratch.store(x.add(state.greatest, lane), greatest[v]!)
      scratch.store(x.add(this.decay, lane), decay)
    })
  }

  private storeLogs(batch: Expr, head: Expr, span: Span): void {
    const { operands } = this
    const { scratch } = this.block
    const { k } = this.frame
    const { x } = k
    if (!storesLogs(operands)) return
    this.states.forEach(({ greatest, sum }, g) => {
      vectorLoop(k, 'query', x.constant(0), span.count, (lane) => {
        const total = k.share(scratch.load(x.add(sum, lane)), 'sum')
        const at = { batch, head, query: x.add(span.from, lane) }
        storeLog(operands, at, g, total, scratch.load(x.add(greatest, lane)))
      })
    })
  }

  /** The accumulators by their sums, and added up; a query without keys gets 0 of a group. */
  private storeOutputs(batch: Expr, head: Expr, span: Span): void {
    const { block, operands } = this
    const { scratch } = block
    const { k } = this.frame
    const { x } = k
    k.loop('query', x.constant(0), span.count, x.constant(1), (lane) => {
      const at = { batch, head, query: k.share(x.add(span.from, lane), 'query') }
      const factors = this.states.map(({ sum }) => normaliser(operands, k.share(scratch.load(x.add(sum, lane)), 'sum')))
      vectorLoop(k, 'feature', x.constant(0), this.D, (f) => {
        const parts = this.states.map(({ accumulator }, g) =>
          k.share(x.mul(scratch.load(block.element(accumulator, f, lane)), factors[g]!), 'part'),
        )
        storeFeature(operands, at, f, parts)
      })
    })
  }
}
