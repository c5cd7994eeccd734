import type { DType } from '../../ir/dtype.ts'
import type { Value } from '../../ir/graph.ts'
import type { ReducePrim } from '../../ir/prim.ts'
import { monoidIdentity } from '../../ir/prims/reduce.ts'
import { range, sizeOf } from '../../ir/shape.ts'
import type { Group } from '../fusion.ts'
import type { Position } from '../index-space.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { accumulatorOf, type Frame, foldingFlops, type Scheduled } from '../schedule.ts'

/** The parts of a reduction that every order of loops needs. */
export class Fold {
  readonly prim: ReducePrim
  readonly root: Value
  readonly input: Value
  readonly result: Value
  readonly shape: readonly number[]
  readonly axes: readonly number[]
  readonly kept: readonly number[]
  readonly dtype: DType
  readonly identity: Expr
  readonly results: number
  readonly length: number

  constructor(
    readonly frame: Frame,
    group: Group,
  ) {
    this.root = group.root
    const hero = group.hero!
    if (hero.prim.kind !== 'reduce') throw new Error('not a reduction')
    this.prim = hero.prim
    this.input = hero.inputs[0]!
    this.result = hero.outputs[0]!
    this.shape = this.input.type.shape
    this.axes = hero.attrs['axes'] as readonly number[]
    this.kept = range(this.shape.length).filter((a) => !this.axes.includes(a))
    this.dtype = accumulatorOf(this.input.type.dtype)
    this.identity = frame.k.x.constant(monoidIdentity(this.prim.monoid, this.dtype), this.dtype)
    this.results = sizeOf(this.result.type.shape)
    this.length = sizeOf(this.axes.map((a) => this.shape[a]!))
  }

  combine(total: Expr, element: Expr): void {
    const { k } = this.frame
    k.assign(total, k.x.foldMonoid(this.prim.monoid, total, k.x.cast(element, this.dtype)))
  }

  /** One total of what is added, vectors (of some numbers, each apart) and scalars apart until the end. */
  begin(abreast = 1): { add(element: Expr, number?: number): void; total(): Expr } {
    const { k } = this.frame
    const { monoid } = this.prim
    const vectors = range(abreast).map(() => k.variable('totals', this.dtype, this.identity, LANES))
    const scalar = k.variable('total', this.dtype, this.identity)
    return {
      add: (element, number = 0) => this.combine(element.lanes === LANES ? vectors[number]! : scalar, element),
      total: () => {
        const vector = vectors.reduce((a, b) => k.x.foldMonoid(monoid, a, b))
        return k.share(k.x.foldMonoid(monoid, k.x.across(monoid, vector), scalar), 'total')
      },
    }
  }

  /** Stores what comes of a total at a position of the result. */
  store(at: Position, total: Expr): void {
    const { frame } = this
    frame.emitter.bound.set(this.result, frame.k.x.cast(total, this.result.type.dtype))
    frame.storeResults(at.linear())
  }

  finish(name: string, pieces: number): Scheduled {
    return this.frame.finish(name, [1, 1, 1], [pieces, 1, 1], foldingFlops(this.frame.work))
  }
}
