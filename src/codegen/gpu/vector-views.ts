import type { Expr, Kernel } from '../kernel-ir.ts'
import { eachStmt, expressionsOf, operandsOf } from '../kernel-walk.ts'
import type { Alignment } from './alignment.ts'

/** The buffers and shared arrays that a kernel sees as arrays of vec4, where four elements are one load. */
export interface VectorViews {
  readonly buffers: ReadonlySet<number>
  readonly arrays: ReadonlySet<string>
}

/**
 * A buffer is seen as vec4 if some of it is read or written in aligned vectors; a single element is then read as a
 * component. Not so if single elements are written: a store to a component may touch its neighbours. Shared arrays are
 * if all accesses are of vectors. Buffers that lie in one another's memory are seen in one way.
 */
export function vectorViews(kernel: Kernel, alignment: Alignment): VectorViews {
  const vectors = new Set<number | string>()
  const scalars = new Set<number | string>()
  const seen = new Set<Expr>()
  const note = (place: number | string, index: Expr, scalarsForbid: boolean): void => {
    if (alignment.begin(index)) vectors.add(place)
    else if (scalarsForbid) scalars.add(place)
  }
  const home = (buffer: number): number => kernel.aliases.get(buffer) ?? buffer
  const visit = (e: Expr): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.op === 'load') note(home(e.buffer), e.index, false)
    if (e.op === 'loadShared') note(e.array, e.index, true)
    for (const operand of operandsOf(e)) visit(operand)
  }
  eachStmt(kernel.body, (s) => {
    if (s.kind === 'store') note(home(s.buffer), s.index, true)
    if (s.kind === 'storeShared') note(s.array, s.index, true)
    for (const e of expressionsOf(s)) visit(e)
  })
  const whole = (place: number | string): boolean => vectors.has(place) && !scalars.has(place)
  return {
    buffers: new Set([...kernel.buffers.keys()].filter((b) => whole(home(b)))),
    arrays: new Set(kernel.shared.map((a) => a.name).filter(whole)),
  }
}
