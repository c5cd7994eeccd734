import type { Outputs } from '../implementation.ts'
import { CHECKED_STEPS } from '../problem.ts'

/** The losses of the first steps, which tell whether the updates are right. `next` makes a step and reads its loss. */
export async function checkedLosses(next: () => Promise<number>): Promise<Outputs> {
  const losses: number[] = []
  for (let i = 0; i < CHECKED_STEPS; i++) losses.push(await next())
  return { losses: Float32Array.from(losses) }
}
