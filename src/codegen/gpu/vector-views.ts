import { type Expr, type Kernel, operandsOf, type Stmt } from '../kernel-ir.ts'

/** The buffers and shared arrays that a kernel sees as arrays of vec4, where four elements are one load. */
export interface VectorViews {
  readonly buffers: ReadonlySet<number>
  readonly arrays: ReadonlySet<string>
}

/**
 * An index of four elements that begin at a multiple of four, as the number of that vector; undefined where it does not
 * show. Schedules that know a run to be aligned write ramp(4 * n).
 */
export function quadOf(index: Expr): Expr | 'constant' | undefined {
  if (index.op !== 'ramp') return undefined
  const { base } = index
  if (base.op === 'const') return base.value % 4 === 0 ? 'constant' : undefined
  return base.op === 'binary' && base.fn === '*' && base.b.op === 'const' && base.b.value === 4 ? base.a : undefined
}

/**
 * A buffer that is only read is seen as vec4 if any of its loads is of an aligned vector; a single element is then a
 * component. What is written never is: single elements are, and a store to a component may touch its neighbours.
 */
export function vectorViews(kernel: Kernel): VectorViews {
  const vectors = new Set<number | string>()
  const scalars = new Set<number | string>()
  const seen = new Set<Expr>()
  const note = (place: number | string, index: Expr): void => {
    if (quadOf(index) === undefined) scalars.add(place)
    else vectors.add(place)
  }
  const visit = (e: Expr): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.op === 'load') note(e.buffer, e.index)
    if (e.op === 'loadShared') note(e.array, e.index)
    for (const operand of operandsOf(e)) visit(operand)
  }
  const written = new Set(kernel.aliases.values())
  eachStmt(kernel.body, (s) => {
    if (s.kind === 'store') written.add(s.buffer)
    if (s.kind === 'storeShared') note(s.array, s.index)
    for (const e of expressionsOf(s)) visit(e)
  })
  const only = (b: number): boolean => !written.has(b) && !kernel.aliases.has(b)
  const buffers = [...kernel.buffers.keys()].filter((b) => vectors.has(b) && only(b))
  const arrays = kernel.shared.map((a) => a.name).filter((name) => vectors.has(name) && !scalars.has(name))
  return { buffers: new Set(buffers), arrays: new Set(arrays) }
}

function eachStmt(body: readonly Stmt[], visit: (s: Stmt) => void): void {
  for (const s of body) {
    visit(s)
    if (s.kind === 'for' || s.kind === 'if') eachStmt(s.body, visit)
  }
}

function expressionsOf(s: Stmt): readonly Expr[] {
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
