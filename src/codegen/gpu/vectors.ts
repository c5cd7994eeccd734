import { LANES } from '../kernel-ir.ts'
import { equationsOf, type Work } from '../schedule.ts'

const PLAIN: ReadonlySet<string> = new Set(['elementwise', 'reshape', 'view', 'reduce', 'constant', 'contract'])

/** May `length` neighbouring elements be computed four at a time? Whole vectors, of what vectors are no detour for. */
export const inFours = (work: Work, length: number): boolean =>
  length > 0 && length % LANES === 0 && equationsOf(work).every((e) => PLAIN.has(e.prim.kind))
