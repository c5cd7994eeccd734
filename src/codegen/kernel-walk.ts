import type { Expr, Kernel, Stmt } from './kernel-ir.ts'

/** Every statement, those of loops and conditions after what holds them. */
export function eachStmt(body: readonly Stmt[], visit: (s: Stmt) => void): void {
  for (const s of body) {
    visit(s)
    if (s.kind === 'for' || s.kind === 'if') eachStmt(s.body, visit)
  }
}

/** The expressions that a statement reads itself. */
export function expressionsOf(s: Stmt): readonly Expr[] {
  switch (s.kind) {
    case 'let':
    case 'assign':
      return [s.value]
    case 'var':
      return [s.init]
    case 'for':
      return [s.from, s.to, s.step]
    case 'if':
      return [s.condition]
    case 'store':
    case 'storeShared':
      return [s.index, s.value]
    case 'barrier':
    case 'comment':
      return []
  }
}

/** The expressions that an expression reads. */
export function operandsOf(e: Expr): readonly Expr[] {
  switch (e.op) {
    case 'const':
    case 'param':
    case 'builtin':
    case 'variable':
    case 'loadUniform':
      return []
    case 'load':
    case 'loadShared':
      return [e.index]
    case 'binary':
    case 'fold':
      return [e.a, e.b]
    case 'select':
      return [e.condition, e.a, e.b]
    case 'prim':
    case 'random':
      return e.args
    case 'ramp':
      return [e.base]
    case 'fma':
      return [e.a, e.b, e.c]
    case 'pack':
      return e.parts
    case 'cast':
    case 'across':
    case 'lane':
    case 'broadcast':
    case 'subgroupFold':
      return [e.x]
  }
}

/** The buffers that are bound, in the order of their bindings: all but those that are another one's memory. */
export const boundBuffers = (kernel: Kernel): readonly number[] =>
  [...kernel.buffers.keys()].filter((b) => !kernel.aliases.has(b))
