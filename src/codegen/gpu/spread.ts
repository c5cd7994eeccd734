import type { KernelBuilder } from '../kernel-builder.ts'
import type { Expr } from '../kernel-ir.ts'
import type { DeviceLimits } from '../program.ts'
import { ceilDiv } from '../schedule.ts'

/** Spreads n workgroups over x and y, where one dimension does not take them. */
export function spreadGroups(n: number, limits: DeviceLimits): [number, number, number] {
  const limit = limits.workgroupsPerDimension
  if (n <= limit) return [n, 1, 1]
  const y = ceilDiv(n, limit)
  return [ceilDiv(n, y), y, 1]
}

/** Which of the workgroups that were so spread this is. */
export function groupNumber(k: KernelBuilder, [width]: readonly [number, number, number]): Expr {
  const { x } = k
  return x.add(x.builtin('group_x'), x.mul(x.builtin('group_y'), k.param('groups_x', width)))
}
