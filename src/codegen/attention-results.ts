import { log } from '../ir/prims/unary.ts'
import type { AttentionOperands } from './attention-operands.ts'
import type { Expr } from './kernel-ir.ts'

/** Whose results are stored: the query of a head of a sample. */
export interface QueryAt {
  readonly batch: Expr
  readonly head: Expr
  readonly query: Expr
}

/** What the accumulated values are multiplied by: 1 / sum, or 0 for a query without keys. */
export function normaliser({ frame: { k } }: AttentionOperands, sum: Expr): Expr {
  const { x } = k
  const zero = x.constant(0, 'f32')
  return k.share(x.select(x.less(zero, sum), x.div(x.constant(1, 'f32'), sum), zero), 'factor')
}

/** The logarithm of a group's sum, where the forward pass is asked for it; 0 for a query without keys. */
export function storeLog(
  operands: AttentionOperands,
  { batch, head, query }: QueryAt,
  group: number,
  sum: Expr,
  greatest: Expr,
): void {
  const { x } = operands.frame.k
  const zero = x.constant(0, 'f32')
  const value = x.select(x.less(zero, sum), x.add(x.prim(log, [sum], 'f32'), greatest), zero)
  operands.frame.store(operands.statistic(batch, group, head, query), value, operands.equation.outputs[1])
}

export const storesLogs = ({ frame, equation }: AttentionOperands): boolean => frame.isOutput(equation.outputs[1]!)

/** One feature (or a vector of them) of the output, from what each group adds; also that, where it is asked for. */
export function storeFeature(
  operands: AttentionOperands,
  { batch, head, query }: QueryAt,
  feature: Expr,
  values: readonly Expr[],
): void {
  const { equation, frame, sizes } = operands
  const { k } = frame
  const { x } = k
  const [out, , parts] = equation.outputs
  const D = k.param('D', sizes.D)
  if (frame.isOutput(parts!)) {
    values.forEach((value, g) => {
      const partRow = k.share(x.mul(operands.statistic(batch, g, head, query), D), 'part_row')
      frame.store(x.add(partRow, feature), value, parts)
    })
  }
  const row = k.share(x.mul(operands.queryRow(batch, head, query), D), 'out_row')
  const total = values.reduce((a, b) => x.add(a, b))
  frame.store(x.add(row, feature), x.cast(total, out!.type.dtype), out)
}
