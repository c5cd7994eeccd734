import type { DeviceLimits } from '../program.ts'
import { ceilDiv } from '../schedule.ts'

/** Spreads n workgroups over x and y, where one dimension does not take them. */
export function spreadGroups(n: number, limits: DeviceLimits): [number, number, number] {
  const limit = limits.workgroupsPerDimension
  if (n <= limit) return [n, 1, 1]
  const y = ceilDiv(n, limit)
  return [ceilDiv(n, y), y, 1]
}
