import type { DType } from '../../ir/dtype.ts'
import type { MonoidName } from '../../ir/prim.ts'
import type { KernelBuilder } from '../kernel-builder.ts'
import type { Expr } from '../kernel-ir.ts'
import type { RowTiling } from './tilings.ts'

/** Folds what the threads of a workgroup have, any number of times. */
export class WorkgroupFold {
  /** By dtype, for a workgroup that folds in shared memory. */
  private readonly arrays = new Map<DType, string>()

  constructor(
    private readonly k: KernelBuilder,
    private readonly tiling: Pick<RowTiling, 'threads' | 'fold'>,
    private readonly lane: Expr,
  ) {}

  /** The total of what each thread has, as all of them then know it. */
  total(monoid: MonoidName, partial: Expr): Expr {
    const { k } = this
    if (this.tiling.fold === 'subgroup' && partial.dtype !== 'bool') {
      return k.variable('total', partial.dtype, k.x.subgroupFold(monoid, partial))
    }
    const { dtype } = partial
    const known = this.arrays.get(dtype)
    const array = known ?? k.shared(`scratch_${dtype}`, dtype, this.tiling.threads)
    this.arrays.set(dtype, array)
    // All must have read the total of the stage before.
    if (known) k.barrier()
    return this.fold(array, monoid, partial)
  }

  /** Halves are folded onto each other. The threads of a workgroup are a power of two. */
  private fold(array: string, monoid: MonoidName, partial: Expr): Expr {
    const { k, lane, tiling } = this
    const { x } = k
    const { dtype } = partial
    k.storeShared(array, lane, partial)
    for (let half = tiling.threads / 2; half >= 1; half /= 2) {
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
}
