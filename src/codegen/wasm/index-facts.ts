import type { Expr, Stmt } from '../kernel-ir.ts'
import { eachStmt } from '../kernel-walk.ts'

/**
 * What is known of indices: how they grow from lane to lane, which constant they hold, whether they can be negative.
 * Names given by `let` are looked through; variables that change are not.
 */
export class IndexFacts {
  private readonly lets = new Map<string, Expr>()
  private readonly starts = new Map<string, Expr>()
  private readonly strides = new Map<Expr, Stride>()

  constructor(body: readonly Stmt[]) {
    eachStmt(body, (s) => {
      if (s.kind === 'let') this.lets.set(s.name, s.value)
      if (s.kind === 'for') this.starts.set(s.name, s.from)
    })
  }

  /** Bound once: by `let`, or as the variable of a loop. */
  isConstantName = (name: string): boolean => this.lets.has(name) || this.starts.has(name)

  /** By how much an index grows from one lane to the next; undefined where lanes differ otherwise. */
  stride(e: Expr): Stride {
    if (e.lanes === 1) return 0
    if (this.strides.has(e)) return this.strides.get(e)
    const stride = this.findStride(e)
    this.strides.set(e, stride)
    return stride
  }

  private findStride(e: Expr): Stride {
    if (e.op === 'ramp') return 1
    if (e.op === 'variable') {
      const value = this.lets.get(e.name)
      return value && this.stride(value)
    }
    if (e.op === 'cast') return isInteger(e) && isInteger(e.x) ? this.stride(e.x) : undefined
    return e.op === 'binary' && isInteger(e) ? this.combine(e, this.stride(e.a), this.stride(e.b)) : undefined
  }

  private combine({ fn, a: left, b: right }: Expr & { op: 'binary' }, a: Stride, b: Stride): Stride {
    const known = typeof a === 'number' && typeof b === 'number'
    if (fn === '+') return a === 0 ? b : b === 0 ? a : known ? a + b : undefined
    if (fn === '-') return b === 0 ? a : known ? a - b : undefined
    if (fn !== '*') return undefined
    if (right.lanes === 1) return this.scale(a, right)
    return left.lanes === 1 ? this.scale(b, left) : undefined
  }

  private scale(stride: Stride, by: Expr): Stride {
    if (typeof stride !== 'number') return undefined
    if (by.op === 'const') return stride * by.value
    if (stride === 0) return 0
    return stride === 1 && this.isStable(by) ? by : undefined
  }

  /** Has it the same value here as where a name was given to what it is part of? */
  isStable(e: Expr): boolean {
    if (e.op === 'binary') return this.isStable(e.a) && this.isStable(e.b)
    return e.op === 'const' || this.isAtHand(e)
  }

  /** An index as a part that varies and a constant, where the part is at hand and cannot be negative. */
  split(index: Expr): { readonly rest: Expr | undefined; readonly constant: number } {
    if (index.op === 'const') return index.value >= 0 ? { rest: undefined, constant: index.value } : whole(index)
    const sum = index.op === 'variable' ? (this.lets.get(index.name) ?? index) : index
    if (sum.op !== 'binary' || sum.fn !== '+') return whole(index)
    const [rest, constant] = sum.b.op === 'const' ? [sum.a, sum.b] : [sum.b, sum.a]
    if (constant.op !== 'const' || constant.value < 0 || constant.value > MAX_CONSTANT) return whole(index)
    // Behind a name the sum is computed already: undoing it pays only if nothing is computed again.
    if (sum !== index && !this.isAtHand(rest)) return whole(index)
    if (!this.isNatural(rest)) return whole(index)
    const deeper = this.split(rest)
    return { rest: deeper.rest, constant: deeper.constant + constant.value }
  }

  private isAtHand(e: Expr): boolean {
    if (e.op === 'ramp') return this.isAtHand(e.base)
    return e.op === 'param' || e.op === 'builtin' || (e.op === 'variable' && this.isConstantName(e.name))
  }

  /** Surely not negative, in every lane. Sizes and strides, which parameters hold, are taken not to be. */
  isNatural(e: Expr): boolean {
    switch (e.op) {
      case 'const':
        return e.value >= 0
      case 'param':
      case 'builtin':
        return true
      case 'ramp':
        return this.isNatural(e.base)
      case 'variable': {
        const value = this.lets.get(e.name) ?? this.starts.get(e.name)
        return value !== undefined && this.isNatural(value)
      }
      case 'binary':
        if (e.fn === 'max') return this.isNatural(e.a) || this.isNatural(e.b)
        return '+*/%min'.includes(e.fn) && this.isNatural(e.a) && this.isNatural(e.b)
      default:
        return false
    }
  }
}

/** A number, a scalar known when the kernel runs, or unknown. */
type Stride = number | Expr | undefined

/** Offsets in elements that an instruction's immediate may hold. */
const MAX_CONSTANT = 1 << 20

const isInteger = (e: Expr): boolean => e.dtype === 'i32' || e.dtype === 'u32'
const whole = (index: Expr): { rest: Expr; constant: number } => ({ rest: index, constant: 0 })
