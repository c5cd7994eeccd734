import type { AttentionOperands } from '../attention-operands.ts'
import { LANES } from '../kernel-ir.ts'

/** Can rows be read four features at a time, in whole vectors that so many threads share out evenly? */
export function inVectors(operands: AttentionOperands, threads: number): boolean {
  const { keys, pass, queries, sizes, values } = operands
  const rows = [queries, keys, values, ...(pass === 'forward' ? [] : [operands.saved.ct])]
  const whole = [sizes.E, sizes.D].every((n) => n % (threads * LANES) === 0)
  return whole && rows.every(({ access: { offset, strides } }) => isRun(offset, strides))
}

const isRun = (offset: number, strides: readonly number[]): boolean =>
  strides.at(-1) === 1 && [offset, ...strides.slice(0, -1)].every((n) => n % LANES === 0)
