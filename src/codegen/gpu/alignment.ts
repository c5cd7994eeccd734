import { type Expr, type Kernel, LANES } from '../kernel-ir.ts'
import { eachStmt } from '../kernel-walk.ts'

/**
 * Which vectors of four elements begin at a multiple of four: those are one load of a vec4. It follows from how indices
 * are built, from constants, and from those parameters that are multiples of four for this kernel.
 */
export class Alignment {
  private readonly lets = new Map<string, Expr>()
  private readonly known = new Map<Expr, boolean>()

  constructor(private readonly kernel: Kernel) {
    eachStmt(kernel.body, (s) => {
      if (s.kind === 'let') this.lets.set(s.name, s.value)
    })
  }

  /** Multiples of four whose sum is where the run of four begins; undefined for what is no run, or may begin elsewhere. */
  begin(index: Expr): readonly Expr[] | undefined {
    if (index.op === 'variable') {
      const value = this.lets.get(index.name)
      return value && this.begin(value)
    }
    if (index.op === 'ramp') return this.isMultiple(index.base) ? [index.base] : undefined
    if (index.op !== 'binary' || index.fn !== '+') return undefined
    const [run, by] = index.a.lanes === LANES ? [index.a, index.b] : [index.b, index.a]
    const rest = by.lanes === 1 && this.isMultiple(by) ? this.begin(run) : undefined
    return rest && [by, ...rest]
  }

  private isMultiple(e: Expr): boolean {
    const known = this.known.get(e)
    if (known !== undefined) return known
    const found = this.findMultiple(e)
    this.known.set(e, found)
    return found
  }

  private findMultiple(e: Expr): boolean {
    switch (e.op) {
      case 'const':
        return e.value % LANES === 0
      case 'param':
        return this.kernel.multiplesOfFour.has(e.name)
      case 'variable': {
        const value = this.lets.get(e.name)
        return value !== undefined && this.isMultiple(value)
      }
      case 'binary':
        if (e.fn === '*') return this.isMultiple(e.a) || this.isMultiple(e.b)
        return ['+', '-', '%', 'min', 'max'].includes(e.fn) && this.isMultiple(e.a) && this.isMultiple(e.b)
      default:
        return false
    }
  }
}
