import type { KernelBuilder } from '../kernel-builder.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import { ceilDiv } from '../schedule.ts'

/** The scratch memory of a piece of work, in regions of f32. */
export class Scratch {
  private length = 0

  constructor(private readonly k: KernelBuilder) {}

  /** Where a new region begins. */
  region(name: string, length: number): Expr {
    const at = this.k.param(`${name}_at`, this.length)
    this.length += ceilDiv(length, LANES) * LANES
    return at
  }

  /** To be called once, when all regions are known. */
  close(): void {
    this.k.shared('scratch', 'f32', this.length)
  }

  load(index: Expr): Expr {
    return this.k.x.loadShared('scratch', 'f32', index, this.k.depth)
  }

  store(index: Expr, value: Expr): void {
    this.k.storeShared('scratch', index, value)
  }
}
