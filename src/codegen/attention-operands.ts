import { attentionAttrs, graphAttr, passOf } from '../ir/attrs.ts'
import type { Equation, Graph, Value } from '../ir/graph.ts'
import type { AttentionPass } from '../ir/prim.ts'
import { ATTENTION_TILE, operandsOf, TILES } from '../ir/prims/attention.ts'
import { type AffineAccess, affineAccess } from './affine.ts'
import type { Group } from './fusion.ts'
import type { Expr } from './kernel-ir.ts'
import type { Frame, ScheduleContext } from './schedule.ts'

/** Sizes of one equation of attention; see `AttentionAttrs`. */
export interface AttentionSizes {
  readonly B: number
  /** Heads of queries, and of keys and values. */
  readonly H: number
  readonly K: number
  readonly Tq: number
  readonly Tk: number
  /** Features of queries and keys, and of values. */
  readonly E: number
  readonly D: number
}

/** An operand [B, heads, T, features] as it lies in memory. */
export interface Rows {
  readonly role: string
  readonly access: AffineAccess
}

/** What a kernel of attention reads, whatever its schedule. */
export class AttentionOperands {
  readonly equation: Equation
  readonly pass: AttentionPass
  readonly sizes: AttentionSizes
  readonly groups: number
  readonly scale: number
  readonly score: Graph
  readonly queries: Rows
  readonly keys: Rows
  readonly values: Rows
  /** Outer values of the captured tensors, in the order of the score's last inputs. */
  readonly captured: readonly Value[]
  private readonly tiles: Value

  constructor(
    readonly frame: Frame,
    group: Group,
    private readonly context: ScheduleContext,
  ) {
    const e = group.hero!
    const attrs = attentionAttrs(e)
    this.equation = e
    this.pass = passOf(e)
    this.groups = attrs.groups
    this.scale = attrs.scale
    this.score = attrs.score
    const [q, k, v] = e.inputs
    const [B, H, Tq, E] = q!.type.shape
    const [, K, Tk] = k!.type.shape
    this.sizes = { B: B!, H: H!, K: K!, Tq: Tq!, Tk: Tk!, E: E!, D: v!.type.shape[3]! }
    this.queries = this.rows('q', q!)
    this.keys = this.rows('k', k!)
    this.values = this.rows('v', v!)
    this.tiles = e.inputs[TILES]!
    this.captured = e.inputs.slice(operandsOf(this.pass))
  }

  /** Of a backward pass: the cotangent of the output, and f32 [B,G,H,Tq] each, logs and sums. */
  get saved(): { readonly ct: Rows; readonly logs: Value; readonly sums: Value } {
    const [ct, logs, sums] = this.equation.inputs.slice(TILES + 1)
    return { ct: this.rows('ct', ct!), logs: logs!, sums: sums! }
  }

  /** Of a backward pass: from the cotangents of the logits to that of the raw score. */
  get pullback(): Graph {
    return graphAttr(this.equation, 'pullback')
  }

  private rows(role: string, v: Value): Rows {
    return { role, access: affineAccess(v, this.context.producer, this.context.stored) }
  }

  /** Where the rows of one head of one sample begin in memory. */
  start({ role, access }: Rows, batch: Expr, head: Expr): Expr {
    const { k } = this.frame
    const { x } = k
    const at = x.add(x.mul(batch, this.stride(role, access, 0)), x.mul(head, this.stride(role, access, 1)))
    return k.share(x.add(k.param(`${role}_offset`, access.offset), at), `${role}_start`)
  }

  /** Elements from one position, or one feature, to the next. */
  step({ role, access }: Rows, axis: 'position' | 'feature'): Expr {
    return this.stride(role, access, axis === 'position' ? 2 : 3)
  }

  private stride(role: string, access: AffineAccess, axis: number): Expr {
    return this.frame.k.param(`${role}_stride${axis}`, access.strides[axis]!)
  }

  /** The element at an index that `start` and `step` gave, in f32. */
  load({ access }: Rows, index: Expr): Expr {
    return this.frame.k.x.cast(this.frame.emitter.loadAt(access.base, index), 'f32')
  }

  /** The head of keys and values that a query head reads. */
  keyHead(head: Expr): Expr {
    const { k } = this.frame
    return k.share(k.x.div(head, k.param('heads_per_key_head', this.sizes.H / this.sizes.K)), 'key_head')
  }

  /** May anything be allowed between a tile of queries and one of keys? */
  possible(batch: Expr, head: Expr, queryTile: Expr, keyTile: Expr): Expr {
    const { emitter, k } = this.frame
    const zero = k.x.constant(0)
    const axes = [batch, head, queryTile, keyTile].map((i, axis) => (this.tiles.type.shape[axis] === 1 ? zero : i))
    return k.share(emitter.element(this.tiles, emitter.position(this.tiles, axes)), 'possible')
  }

  /** Does it take more than arithmetic to know which tiles are possible? */
  get tilesAreRead(): boolean {
    const { producer, stored } = this.context
    const reads = (v: Value): boolean => stored(v) || (producer.get(v)?.inputs ?? []).some(reads)
    return reads(this.tiles)
  }

  /** Number of a query among [B,H,Tq]. */
  queryRow(batch: Expr, head: Expr, query: Expr): Expr {
    const { k } = this.frame
    const { x } = k
    const row = x.add(x.mul(batch, k.param('H', this.sizes.H)), head)
    return x.add(k.share(x.mul(row, k.param('Tq', this.sizes.Tq)), 'query_row'), query)
  }

  /** Index into f32 [B,G,H,Tq] of a group. */
  statistic(batch: Expr, group: number, head: Expr, query: Expr): Expr {
    const { k } = this.frame
    const { x } = k
    const heads = k.param('H', this.sizes.H)
    const row = x.add(x.mul(x.add(x.mul(batch, x.constant(this.groups)), x.constant(group)), heads), head)
    return x.add(k.share(x.mul(row, k.param('Tq', this.sizes.Tq)), 'statistic'), query)
  }

  /** What was saved of a group's row, by the index that `statistic` gives. */
  loadStatistic(v: Value, index: Expr): Expr {
    const { emitter, k } = this.frame
    return k.share(emitter.element(v, emitter.linearPosition(v, index)), 'statistic')
  }

  /** Of the products that are made, and of what is done to each score. */
  get flops(): number {
    const { B, H, Tq, Tk, E, D } = this.sizes
    const products = { forward: E + D, queries: 2 * E + D, keysAndValues: 2 * E + 2 * D }[this.pass]
    return B * H * Tq * Tk * (2 * products + 10 * this.groups)
  }

  tileCount(axis: 'query' | 'key'): number {
    return Math.ceil((axis === 'query' ? this.sizes.Tq : this.sizes.Tk) / ATTENTION_TILE)
  }
}
