import type { Builtin, Expr, ExprFactory, Kernel, Stmt } from './kernel-ir.ts'

/** What a kernel's names become where it is made part of another one. */
export interface Renaming {
  /** Makes the expressions of the whole. */
  readonly x: ExprFactory
  /** Of variables and parameters. */
  name(own: string): string
  array(own: string): string
  buffer(own: number): number
  builtin(name: Builtin): Expr
}

/** A kernel's statements as a part of another kernel, `level` blocks deep. */
export function rewriteBody(kernel: Kernel, level: number, renaming: Renaming): readonly Stmt[] {
  return new Rewriter(level, renaming).block(kernel.body)
}

class Rewriter {
  private readonly known = new Map<Expr, Expr>()

  constructor(
    private readonly level: number,
    private readonly to: Renaming,
  ) {}

  block(stmts: readonly Stmt[]): readonly Stmt[] {
    return stmts.map((s) => this.stmt(s))
  }

  private stmt(s: Stmt): Stmt {
    const { to } = this
    switch (s.kind) {
      case 'let':
        return { ...s, name: to.name(s.name), value: this.expr(s.value) }
      case 'var':
        return { ...s, name: to.name(s.name), init: this.expr(s.init) }
      case 'assign':
        return { ...s, name: to.name(s.name), value: this.expr(s.value) }
      case 'for':
        return {
          ...s,
          name: to.name(s.name),
          from: this.expr(s.from),
          to: this.expr(s.to),
          step: this.expr(s.step),
          body: this.block(s.body),
        }
      case 'if':
        return { ...s, condition: this.expr(s.condition), body: this.block(s.body) }
      case 'store':
        return { ...s, buffer: to.buffer(s.buffer), index: this.expr(s.index), value: this.expr(s.value) }
      case 'storeShared':
        return { ...s, array: to.array(s.array), index: this.expr(s.index), value: this.expr(s.value) }
      case 'barrier':
      case 'comment':
        return s
    }
  }

  private expr = (e: Expr): Expr => {
    const known = this.known.get(e)
    if (known) return known
    const made = this.make(e)
    this.known.set(e, made)
    return made
  }

  private make(e: Expr): Expr {
    const { expr, to } = this
    const { x } = to
    const depth = e.depth + this.level
    switch (e.op) {
      case 'const':
        return x.constant(e.value, e.dtype)
      case 'param':
        return x.param(to.name(e.name))
      case 'builtin':
        return to.builtin(e.name)
      case 'variable':
        return x.variable(to.name(e.name), e.dtype, depth, e.lanes)
      case 'load':
        return x.load(to.buffer(e.buffer), e.dtype, expr(e.index), depth)
      case 'loadShared':
        return x.loadShared(to.array(e.array), e.dtype, expr(e.index), depth)
      case 'loadUniform':
        return x.loadUniform(to.array(e.array), e.dtype, depth)
      case 'binary':
        return x.binary(e.fn, expr(e.a), expr(e.b))
      case 'select':
        return x.select(expr(e.condition), expr(e.a), expr(e.b))
      case 'cast':
        return x.cast(expr(e.x), e.dtype)
      case 'prim':
        return x.prim(e.prim, e.args.map(expr), e.dtype)
      case 'random':
        return x.random(e.args.map(expr))
      case 'fold':
        return x.foldMonoid(e.monoid, expr(e.a), expr(e.b))
      case 'ramp':
        return x.ramp(expr(e.base))
      case 'fma':
        return x.fma(expr(e.a), expr(e.b), expr(e.c))
      case 'across':
        return x.across(e.monoid, expr(e.x))
      case 'lane':
        return x.lane(expr(e.x), e.lane)
      case 'pack':
        return x.pack(e.parts.map(expr))
      case 'broadcast':
        return x.broadcast(expr(e.x), e.from)
      case 'subgroupFold':
        return x.subgroupFold(e.monoid, expr(e.x))
    }
  }
}
