import type { MonoidName } from '../../ir/prim.ts'
import type { KernelBuilder } from '../kernel-builder.ts'
import type { Expr } from '../kernel-ir.ts'

/** Shared memory of one element for each thread, of which there are a power of two. */
interface Scratch {
  readonly array: string
  readonly size: number
  readonly lane: Expr
}

/** The total of what each thread of a workgroup has, as all of them then know it: halves are folded onto each other. */
export function foldWorkgroup(
  k: KernelBuilder,
  { array, size, lane }: Scratch,
  monoid: MonoidName,
  partial: Expr,
): Expr {
  const { x } = k
  const { dtype } = partial
  k.storeShared(array, lane, partial)
  for (let half = size / 2; half >= 1; half /= 2) {
    k.barrier()
    k.when(x.less(lane, x.constant(half)), () => {
      const mine = x.loadShared(array, dtype, lane, k.depth)
      const other = x.loadShared(array, dtype, x.add(lane, x.constant(half)), k.depth)
      k.storeShared(array, lane, x.foldMonoid(monoid, mine, other))
    })
  }
  k.barrier()
  return k.variable('total', dtype, x.loadShared(array, dtype, x.constant(0), k.depth))
}
