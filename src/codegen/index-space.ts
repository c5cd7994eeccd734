import { stridesOf } from '../ir/shape.ts'
import { type Division, divide } from './divide.ts'
import type { KernelBuilder } from './kernel-builder.ts'
import type { Expr } from './kernel-ir.ts'

/**
 * A position in a tensor: as one linear offset, as an index per axis, or both; each is derived from the other only
 * when it is asked for. `role` names the sizes used, so that equal structures give equal text.
 */
export class Position {
  constructor(
    private readonly k: KernelBuilder,
    readonly shape: readonly number[],
    private readonly role: string,
    private linearIndex: Expr | undefined,
    private axes: (Expr | undefined)[] | undefined,
  ) {}

  static linear(k: KernelBuilder, shape: readonly number[], role: string, linear: Expr): Position {
    return new Position(k, shape, role, linear, undefined)
  }

  static multi(k: KernelBuilder, shape: readonly number[], role: string, axes: readonly Expr[]): Position {
    return new Position(k, shape, role, undefined, [...axes])
  }

  /** Equal keys mean equal positions. */
  get key(): string {
    return this.axes && this.linearIndex === undefined
      ? `m${this.axes.map((a) => a?.id).join(',')}`
      : `l${this.linear().id}`
  }

  linear(): Expr {
    if (!this.linearIndex) {
      const { k } = this
      const strides = stridesOf(this.shape)
      const terms = this.axes!.map((a, i) =>
        k.x.mul(a!, k.param(`${this.role}_stride${i}`, this.axisStride(strides, i))),
      )
      this.linearIndex = k.share(
        terms.reduce((s, t) => k.x.add(s, t), k.x.constant(0)),
        `at_${this.role}`,
      )
    }
    return this.linearIndex
  }

  /** An axis of size 1 is always at 0, so that its stride may be taken as 0. */
  private axisStride(strides: readonly number[], axis: number): number {
    return this.shape[axis] === 1 ? 0 : strides[axis]!
  }

  axis(i: number): Expr {
    this.axes ??= this.shape.map(() => undefined)
    const known = this.axes[i]
    if (known) return known
    const e = this.shape[i] === 1 ? this.k.x.constant(0) : this.derive(i)
    this.axes[i] = e
    return e
  }

  /**
   * An axis from the linear index: by division, unless the loops know its row and column. Division of a vector takes
   * many times as long as that of the row, which is one number for many columns.
   */
  private derive(i: number): Expr {
    const { k, shape, role } = this
    const linear = this.linearIndex!
    const stride = stridesOf(shape)[i]!
    const size = shape[i]!
    const outermost = shape.slice(0, i).every((n) => n === 1)
    const known = this.divided(stride)
    if (known) {
      const { quotient } = known
      if (outermost) return k.share(quotient, `${role}_i${i}`)
      k.operandIndices.add(quotient)
      const inner = divide(k, quotient, size)
      if (inner) return k.share(inner.remainder, `${role}_i${i}`)
    }
    const split = k.splits.get(linear)
    const pick = (from: Expr, by: Expr, whole: boolean): Expr => {
      const quotient = k.x.div(from, by)
      return k.share(whole ? quotient : k.x.rem(quotient, k.param(`${role}_size${i}`, size)), `${role}_i${i}`)
    }
    if (split && stride % split.inner === 0) {
      return pick(split.row(), k.param(`${role}_rows${i}`, stride / split.inner), outermost)
    }
    if (split && split.inner % (stride * size) === 0) {
      return pick(split.column, k.param(`${role}_stride${i}`, stride), stride * size === split.inner)
    }
    return pick(linear, k.param(`${role}_stride${i}`, stride), outermost)
  }

  /** The quotient and remainder of an operand's index, as far as its parts tell them. */
  private divided(size: number): Division | undefined {
    const linear = this.linearIndex
    return linear && this.k.operandIndices.has(linear) ? divide(this.k, linear, size) : undefined
  }

  /** The number of the row of `size` elements in which an operand's element lies; undefined where axes tell it as well. */
  row(size: number): Expr | undefined {
    const row = this.divided(size)?.quotient
    if (row) this.k.operandIndices.add(row)
    return row
  }

  all(): Expr[] {
    return this.shape.map((_, i) => this.axis(i))
  }
}
