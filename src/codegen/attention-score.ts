import type { Equation, Graph, Value } from '../ir/graph.ts'
import type { IndexMath } from '../ir/prim.ts'
import type { AttentionOperands } from './attention-operands.ts'
import { Emitter } from './emit.ts'
import type { Position } from './index-space.ts'
import type { Expr } from './kernel-ir.ts'
import { type Range, type ScalarRanges, scalarRanges } from './scalar-ranges.ts'

/** Where one score, or a vector of scores, stands. */
export interface ScoreAt {
  readonly batch: Expr
  readonly head: Expr
  readonly query: Expr
  readonly key: Expr
}

/** What the masks and scores of a variant say of one score (or of a vector). */
export interface Logit {
  readonly logit: Expr
  /** bool; a constant where the group has no mask. */
  readonly allowed: Expr
}

/** Positions up to these are asked about: rounded up where vectors run past the end. */
export interface Reach {
  readonly queries: number
  readonly keys: number
}

/** Turns the scalar graphs of a variant into expressions in the middle of a kernel. */
export class ScoreEmitter {
  private readonly ranges = new Map<Graph, ScalarRanges>()

  constructor(
    private readonly operands: AttentionOperands,
    private readonly reach: Reach,
  ) {}

  /** For each group, from a raw score that has been scaled. */
  logits(raw: Expr, at: ScoreAt): readonly Logit[] {
    const results = this.emit(this.operands.score, raw, at, [])
    return Array.from({ length: this.operands.groups }, (_, g) => ({
      logit: results[2 * g]!,
      allowed: results[2 * g + 1]!,
    }))
  }

  /** The cotangent of the raw score, from those of the logits. */
  pull(raw: Expr, at: ScoreAt, cts: readonly Expr[]): Expr {
    return this.emit(this.operands.pullback, raw, at, cts)[0]!
  }

  private emit(graph: Graph, raw: Expr, { batch, head, query, key }: ScoreAt, cts: readonly Expr[]): Expr[] {
    const { frame, captured } = this.operands
    const before = [raw, batch, head, query, key]
    const outer = new Map(captured.map((v, i) => [graph.inputs[before.length + i]!, v]))
    const emitter = new ScalarEmitter(frame.emitter, graph, outer, this.rangesOf(graph))
    before.forEach((e, i) => emitter.bound.set(graph.inputs[i]!, e))
    cts.forEach((e, i) => emitter.bound.set(graph.inputs[before.length + captured.length + i]!, e))
    return graph.outputs.map((v) => emitter.element(v, emitter.position(v, [])))
  }

  private rangesOf(graph: Graph): ScalarRanges {
    const known = this.ranges.get(graph)
    if (known) return known
    const { B, H } = this.operands.sizes
    const below = (count: number): Range => ({ low: 0, high: count - 1 })
    const found = scalarRanges(graph, [
      undefined,
      below(B),
      below(H),
      below(this.reach.queries),
      below(this.reach.keys),
    ])
    this.ranges.set(graph, found)
    return found
  }
}

/** Emits a graph of scalars whose captured tensors are stored values of the kernel around it. */
class ScalarEmitter extends Emitter {
  constructor(
    private readonly outer: Emitter,
    graph: Graph,
    private readonly captured: ReadonlyMap<Value, Value>,
    private readonly ranges: ScalarRanges,
  ) {
    const producer = new Map(graph.equations.flatMap((e) => e.outputs.map((v): [Value, Equation] => [v, e])))
    super(outer.k, producer, (v) => captured.has(v))
  }

  override role(v: Value): string {
    return this.outer.role(v)
  }

  override loadAt(v: Value, index: Expr): Expr {
    const value = this.captured.get(v)!
    return this.outer.element(value, this.outer.linearPosition(value, index))
  }

  override element(v: Value, at: Position): Expr {
    return super.element(this.ranges.same.get(v) ?? v, at)
  }

  override indexMath(e: Equation): IndexMath<Expr> {
    const math = super.indexMath(e)
    return this.ranges.inside.has(e) ? { ...math, clamp: (i) => i } : math
  }
}
