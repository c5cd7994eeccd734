import { UnsupportedError } from '../../util/errors.ts'
import type { Expr, Kernel, Stmt } from '../kernel-ir.ts'
import { storeAt } from './accesses.ts'
import { Expressions } from './expressions.ts'
import { i32 } from './instructions.ts'
import type { ModuleWriter } from './module.ts'
import { getLocal, type Node } from './node.ts'
import { type Scope, typeOf } from './scope.ts'

/** Writes what was planned. All is planned before anything is written, so that a `let` knows its uses. */
type Plan = () => void

/** Plans the statements of kernels. */
export class Statements {
  constructor(
    private readonly kernel: Kernel,
    private readonly scope: Scope,
    private readonly module: ModuleWriter,
  ) {}

  block(body: readonly Stmt[]): Plan {
    const plans = body.map((s) => this.statement(s))
    return () => {
      for (const plan of plans) plan()
    }
  }

  private node(e: Expr): Node {
    return new Expressions(this.scope).lower(e, e.lanes)
  }

  private statement(s: Stmt): Plan {
    const f = this.module.run
    switch (s.kind) {
      case 'let': {
        const forms = this.scope.bindLet(s.name, s.value)
        return () => {
          for (const { local, value } of forms.values()) f.set(local, value)
        }
      }
      case 'var': {
        const value = new Expressions(this.scope).lower(s.init, s.lanes)
        const local = this.scope.bindVariable(s.name, typeOf(s.dtype, s.lanes))
        return () => f.set(local, value)
      }
      case 'assign': {
        const { local, type } = this.scope.variable(s.name)
        const value = new Expressions(this.scope).lower(s.value, type === 'v128' ? 4 : 1)
        return () => f.set(local, value)
      }
      case 'if': {
        if (s.condition.lanes !== 1) throw new UnsupportedError('if: the condition is a vector')
        const condition = this.node(s.condition)
        const body = this.block(s.body)
        return () => f.when(condition, body)
      }
      case 'for':
        return this.loop(s)
      case 'store':
      case 'storeShared': {
        const nodes = storeAt(new Expressions(this.scope), s, this.storedType(s))
        return () => f.run(nodes)
      }
      case 'barrier':
        throw new UnsupportedError('a barrier: a workgroup on wasm is one thread')
      case 'comment':
        return () => {}
    }
  }

  /** The test stands before the loop and at its end; an end that cannot change is computed once. */
  private loop(s: Stmt & { kind: 'for' }): Plan {
    const f = this.module.run
    const from = this.node(s.from)
    const plain = s.to.op === 'const' || s.to.op === 'param' || s.to.op === 'variable'
    const fixed =
      plain || !this.scope.facts.isStable(s.to) ? undefined : { local: f.newLocal('i32'), value: this.node(s.to) }
    const local = this.scope.bindVariable(s.name, 'i32')
    const i = getLocal(local, 'i32')
    const end = (): Node => (fixed ? getLocal(fixed.local, 'i32') : this.node(s.to))
    const [before, after] = [i32.ltS(i, end()), i32.ltS(i, end())]
    const step = this.node(s.step)
    const body = this.block(s.body)
    const loop = (): void =>
      f.repeat(
        () => {
          body()
          f.set(local, i32.add(i, step))
        },
        () => after,
      )
    const runs = s.from.op === 'const' && s.to.op === 'const' && s.from.value < s.to.value
    return () => {
      f.set(local, from)
      if (fixed) f.set(fixed.local, fixed.value)
      if (runs) loop()
      else f.when(before, loop)
    }
  }

  private storedType(s: Stmt & { kind: 'store' | 'storeShared' }): Expr['dtype'] {
    if (s.kind === 'store') return this.kernel.buffers[s.buffer]!.dtype
    return this.kernel.shared.find((a) => a.name === s.array)!.dtype
  }
}
