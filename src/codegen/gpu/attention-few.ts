import { ATTENTION_TILE } from '../../ir/prims/attention.ts'
import { exp } from '../../ir/prims/unary.ts'
import { range } from '../../ir/shape.ts'
import { FORBIDDEN, LEAST } from '../attention-bounds.ts'
import { AttentionOperands, type Rows } from '../attention-operands.ts'
import { storeFeature, storeLog, storesLogs } from '../attention-results.ts'
import { ScoreEmitter } from '../attention-score.ts'
import type { Group } from '../fusion.ts'
import { type Expr, LANES, type Lanes } from '../kernel-ir.ts'
import { ceilDiv, Frame, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { inVectors } from './attention-vectors.ts'
import { WorkgroupFold } from './workgroup-fold.ts'

/** Threads of a workgroup: each has a key of every tile. */
const THREADS = ATTENTION_TILE
/** When values are added up, threads along features; the others share the keys. */
const FEATURE_LANES = 16
const KEY_LANES = THREADS / FEATURE_LANES
/** Weights that are kept in workgroup memory, 8 KiB of them: as many keys go by between two barriers. */
const KEPT = 2048
/** Totals that a thread keeps in registers. */
const MOST_TOTALS = 32

/**
 * Attention of few queries to many keys: a step of decoding. A workgroup has one query of one head. Its threads share
 * the keys; of a chunk of them they leave the weights in workgroup memory, and then share the features.
 */
export function scheduleFewQueries(group: Group, context: ScheduleContext): Scheduled {
  const frame = new Frame(group, context)
  const operands = new AttentionOperands(frame, group, context)
  const { B, H, Tq, D } = operands.sizes
  let blocks = 1
  while (operands.groups * ceilDiv(D, FEATURE_LANES * blocks) > Math.max(MOST_TOTALS, operands.groups)) blocks++
  new FewQueries(frame, operands, blocks).emit()
  return frame.finish('attention_few', [THREADS, 1, 1], [Tq * blocks, H, B], operands.flops, () => [])
}

interface GroupState {
  readonly greatest: Expr
  /** Over this thread's own keys. */
  readonly sum: Expr
  /** Of this thread's own features, over its own share of the keys. */
  readonly totals: readonly Expr[]
}

class FewQueries {
  private readonly score: ScoreEmitter
  private readonly lane: Expr
  private readonly batch: Expr
  private readonly head: Expr
  private readonly query: Expr
  private readonly featureBlock: Expr
  /** Tiles of a chunk of keys. */
  private readonly tiles: number
  private readonly weights: string
  private readonly fold: WorkgroupFold
  private readonly states: readonly GroupState[]
  /** Features that are read at once. */
  private readonly lanes: Lanes
  /** The first of each vector of this thread's features. */
  private readonly features: readonly Expr[]

  constructor(
    private readonly frame: Frame,
    private readonly operands: AttentionOperands,
    blocks: number,
  ) {
    const { k } = frame
    const { x } = k
    const { D, Tq, Tk } = operands.sizes
    const { groups } = operands
    this.score = new ScoreEmitter(operands, { queries: Tq, keys: Tk })
    this.lane = k.share(x.builtin('local_x'), 'lane')
    this.batch = k.share(x.builtin('group_z'), 'batch')
    this.head = k.share(x.builtin('group_y'), 'head')
    const blockCount = k.param('feature_blocks', blocks)
    this.query = k.share(x.div(x.builtin('group_x'), blockCount), 'query')
    this.featureBlock = k.share(x.rem(x.builtin('group_x'), blockCount), 'feature_block')
    this.lanes = inVectors(operands, FEATURE_LANES) ? LANES : 1
    const perThread = ceilDiv(D, FEATURE_LANES * this.lanes * blocks)
    this.tiles = Math.max(1, Math.floor(KEPT / (groups * THREADS)))
    this.weights = k.shared('weights', 'f32', Math.max(this.tiles * groups, perThread * this.lanes) * THREADS)
    this.fold = new WorkgroupFold(k, { threads: THREADS, fold: 'shared' }, this.lane)
    const own = x.rem(this.lane, x.constant(FEATURE_LANES))
    const first = x.add(x.mul(this.featureBlock, x.constant(perThread * FEATURE_LANES)), own)
    this.features = range(perThread).map((i) => {
      const number = k.share(x.add(first, x.constant(i * FEATURE_LANES)), 'feature')
      return x.mul(number, x.constant(this.lanes))
    })
    this.states = range(groups).map(() => ({
      greatest: k.variable('greatest', 'f32', x.constant(LEAST, 'f32')),
      sum: k.variable('sum', 'f32', x.constant(0, 'f32')),
      totals: this.features.map(() => k.variable('total', 'f32', x.constant(0, 'f32'), this.lanes)),
    }))
  }

  emit(): void {
    const { operands } = this
    const { k } = this.frame
    const { x } = k
    const chunk = x.constant(this.tiles)
    const tileCount = k.param('key_tiles', operands.tileCount('key'))
    k.loop('chunk', x.constant(0), tileCount, chunk, (firstTile) => {
      const end = k.share(x.min(x.add(firstTile, chunk), tileCount), 'last_tile')
      const tops = this.logits(firstTile, end)
      this.states.forEach((state, g) => {
        const top = this.fold.total('max', tops[g]!)
        const decay = k.share(x.prim(exp, [x.sub(state.greatest, top)], 'f32'), 'decay')
        k.assign(state.greatest, top)
        k.assign(state.sum, x.mul(state.sum, decay))
        for (const total of state.totals) k.assign(total, x.mul(total, decay))
      })
      this.exponentials(firstTile, end)
      k.barrier()
      this.accumulate(firstTile, end)
      k.barrier()
    })
    this.store()
  }

  /** The tiles from, ..., end - 1 that may allow anything. */
  private eachTile(from: Expr, end: Expr, body: (tile: Expr) => void): void {
    const { k } = this.frame
    const { x } = k
    const queryTile = k.share(x.div(this.query, x.constant(ATTENTION_TILE)), 'query_tile')
    k.loop('tile', from, end, x.constant(1), (tile) => {
      k.when(this.operands.possible(this.batch, this.head, queryTile, tile), () => body(tile))
    })
  }

  /** Where the weight of a group for a key of a tile is kept. */
  private keptAt(g: number, firstTile: Expr, tile: Expr, place: Expr): Expr {
    const { x } = this.frame.k
    const row = x.add(x.sub(tile, firstTile), x.constant(g * this.tiles))
    return x.add(x.mul(row, x.constant(THREADS)), place)
  }

  private rowOf(rows: Rows, position: Expr): Expr {
    const { operands } = this
    const { k } = this.frame
    const head = rows === operands.queries ? this.head : operands.keyHead(this.head)
    const start = operands.start(rows, this.batch, head)
    return k.share(k.x.add(start, k.x.mul(position, operands.step(rows, 'position'))), `${rows.role}_row`)
  }

  /** One feature, or a vector of them, of a row. */
  private load(rows: Rows, row: Expr, feature: Expr): Expr {
    const { operands } = this
    const { k } = this.frame
    const { x } = k
    const index = x.add(row, x.mul(feature, operands.step(rows, 'feature')))
    return k.share(operands.load(rows, this.lanes === 1 ? index : x.ramp(index)), rows.role)
  }

  private lanesOf(value: Expr): readonly Expr[] {
    return value.lanes === 1 ? [value] : range(LANES).map((c) => this.frame.k.x.lane(value, c))
  }

  /** Keeps the logits of this thread's keys; returns for each group the greatest of them, or of what was before. */
  private logits(firstTile: Expr, end: Expr): Expr[] {
    const { batch, head, operands, query } = this
    const { k } = this.frame
    const { x } = k
    const { keys, queries } = operands
    const Tk = k.param('Tk', operands.sizes.Tk)
    const queryRow = this.rowOf(queries, query)
    const tops = this.states.map(({ greatest }) => k.variable('top', 'f32', greatest))
    this.eachTile(firstTile, end, (tile) => {
      const position = k.share(x.add(x.mul(tile, x.constant(THREADS)), this.lane), 'position')
      const key = k.share(x.min(position, x.sub(Tk, x.constant(1))), 'key')
      const keyRow = this.rowOf(keys, key)
      const score = k.variable('score', 'f32', x.constant(0, 'f32'))
      const steps = k.param(this.lanes === 1 ? 'E' : 'E_vectors', operands.sizes.E / this.lanes)
      k.loop('feature', x.constant(0), steps, x.constant(1), (step) => {
        const f = x.mul(step, x.constant(this.lanes))
        const [a, b] = [this.load(queries, queryRow, f), this.load(keys, keyRow, f)]
        k.assign(
          score,
          this.lanesOf(a).reduce((rest, q, c) => x.fma(q, this.lanesOf(b)[c]!, rest), score),
        )
      })
      const raw = k.share(x.mul(score, x.constant(operands.scale, 'f32')), 'raw')
      this.score.logits(raw, { batch, head, query, key }).forEach(({ logit, allowed }, g) => {
        const isKey = x.less(position, Tk)
        const kept = k.share(x.select(x.and(allowed, isKey), logit, x.constant(FORBIDDEN, 'f32')), 'logit')
        k.storeShared(this.weights, this.keptAt(g, firstTile, tile, this.lane), kept)
        k.assign(tops[g]!, x.foldMonoid('max', tops[g]!, kept))
      })
    })
    return tops
  }

  /** exp(logit - greatest) in place of this thread's logits. */
  private exponentials(firstTile: Expr, end: Expr): void {
    const { k } = this.frame
    const { x } = k
    this.eachTile(firstTile, end, (tile) => {
      this.states.forEach(({ greatest, sum }, g) => {
        const at = this.keptAt(g, firstTile, tile, this.lane)
        const kept = x.loadShared(this.weights, 'f32', at, k.depth)
        const weight = k.share(x.prim(exp, [x.sub(kept, greatest)], 'f32'), 'weight')
        k.storeShared(this.weights, at, weight)
        k.assign(sum, x.add(sum, weight))
      })
    })
  }

  /** Adds weight times value for this thread's features and its share of the keys. */
  private accumulate(firstTile: Expr, end: Expr): void {
    const { operands } = this
    const { k } = this.frame
    const { x } = k
    const { values } = operands
    const Tk = k.param('Tk', operands.sizes.Tk)
    const last = k.param('last_feature', operands.sizes.D - this.lanes)
    const inside = this.features.map((f) => x.min(f, last))
    const share = k.share(x.div(this.lane, x.constant(FEATURE_LANES)), 'share')
    this.eachTile(firstTile, end, (tile) => {
      const from = k.share(x.mul(tile, x.constant(THREADS)), 'key_from')
      const count = k.share(x.min(x.sub(Tk, from), x.constant(THREADS)), 'key_count')
      k.loop('place', share, count, x.constant(KEY_LANES), (place) => {
        const row = this.rowOf(values, x.add(from, place))
        const loaded = inside.map((f) => this.load(values, row, f))
        this.states.forEach(({ totals }, g) => {
          const at = this.keptAt(g, firstTile, tile, place)
          const weight = k.share(x.loadShared(this.weights, 'f32', at, k.depth), 'weight')
          totals.forEach((total, i) => k.assign(total, x.fma(weight, loaded[i]!, total)))
        })
      })
    })
  }

  /** A group's totals over all shares of the keys, by its sum: 0 where it has no keys. */
  private part({ totals }: GroupState, sum: Expr): Expr[] {
    const { k } = this.frame
    const { x } = k
    const [zero, one] = [x.constant(0, 'f32'), x.constant(1, 'f32')]
    const all = totals.flatMap((total) => this.lanesOf(total))
    all.forEach((total, i) => {
      k.storeShared(this.weights, x.add(this.lane, x.constant(i * THREADS)), total)
    })
    k.barrier()
    const feature = x.rem(this.lane, x.constant(FEATURE_LANES))
    const factor = k.share(x.select(x.less(zero, sum), x.div(one, sum), zero), 'factor')
    const parts = all.map((_, i) => {
      const shares = range(KEY_LANES).map((share) =>
        x.loadShared(this.weights, 'f32', x.add(feature, x.constant(i * THREADS + share * FEATURE_LANES)), k.depth),
      )
      return k.variable(
        'part',
        'f32',
        x.mul(
          shares.reduce((a, b) => x.add(a, b)),
          factor,
        ),
      )
    })
    k.barrier()
    return parts
  }

  private store(): void {
    const { batch, frame, head, operands, query } = this
    const { k } = frame
    const { x } = k
    const at = { batch, head, query }
    const D = k.param('D', operands.sizes.D)
    const sums = this.states.map(({ sum }) => this.fold.total('sum', sum))
    const values = this.states.map((state, g) => this.part(state, sums[g]!))
    if (storesLogs(operands)) {
      k.when(x.binary('==', x.add(this.lane, this.featureBlock), x.constant(0)), () => {
        this.states.forEach(({ greatest }, g) => storeLog(operands, at, g, sums[g]!, greatest))
      })
    }
    const all = this.features.flatMap((f) => range(this.lanes).map((c) => x.add(f, x.constant(c))))
    all.forEach((f, i) => {
      k.when(x.and(x.less(this.lane, x.constant(FEATURE_LANES)), x.less(f, D)), () => {
        const parts = values.map((of) => of[i]!)
        storeFeature(operands, at, f, parts)
      })
    })
  }
}
