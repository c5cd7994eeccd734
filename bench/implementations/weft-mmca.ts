import {
  add,
  attention,
  div,
  exp,
  full,
  gt,
  iota,
  matmul,
  max,
  mean,
  mmca,
  mul,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  transpose,
  type Variant,
  valueAndGrad,
  where,
} from '../../src/index.ts'
import type { Inputs } from '../inputs.ts'
import type { MmcaProblem } from '../problem.ts'
import { floatsOf, prepareCall, type Target, tensorOf, type WeftPrepared } from './weft-call.ts'

/** Attention of q, k, v [1,H,T,E] by a variant. */
export type AttentionForm = (q: Tensor, k: Tensor, v: Tensor, variant: Variant) => Tensor

export const FORMS: Readonly<Record<'weft' | 'weft-unfused', AttentionForm>> = {
  weft: (q, k, v, variant) => attention(q, k, v, variant),
  'weft-unfused': unfused,
}

export async function prepareWeftMmca(
  { mode }: MmcaProblem,
  inputs: Inputs,
  device: Target,
  form: AttentionForm,
): Promise<WeftPrepared> {
  const [q, k, v, modality] = Object.values(inputs).map(tensorOf) as [Tensor, Tensor, Tensor, Tensor]
  type Operands = readonly [q: Tensor, k: Tensor, v: Tensor]
  const forward = ([q, k, v]: Operands, m: Tensor): Tensor => form(q, k, v, mmca(m))
  const operands: Operands = [q, k, v]
  if (mode === 'forward') {
    return prepareCall(forward, [operands, modality], device, async (result) => ({ result: await floatsOf(result) }))
  }
  const loss = (o: Operands, m: Tensor): Tensor => mean(square(forward(o, m)))
  return prepareCall(valueAndGrad(loss), [operands, modality], device, async ([value, [dq, dk, dv]]) => ({
    loss: await floatsOf(value),
    q: await floatsOf(dq),
    k: await floatsOf(dk),
    v: await floatsOf(dv),
  }))
}

const FORBIDDEN = -1e30

/** The definition in plain operations, whatever `attention` makes of it: scores, a softmax for each group, a product. */
function unfused(q: Tensor, k: Tensor, v: Tensor, { groups }: Variant): Tensor {
  const [, H, T, E] = q.shape as readonly [number, number, number, number]
  const scores = matmul(mul(q, 1 / Math.sqrt(E)), transpose(k, [0, 1, 3, 2]))
  const at = {
    batch: iota([1, 1, 1, 1], 0),
    head: iota([1, H, 1, 1], 1),
    query: iota([1, 1, T, 1], 2),
    key: iota([1, 1, 1, T], 3),
  }
  const weights = groups.map(({ mask, score }) => {
    const scored = score ? score(scores, at) : scores
    const allowed = mask ? mask(at) : full([1, 1, 1, 1], 1, 'bool')
    const finite = where(allowed, scored, FORBIDDEN)
    const e = where(allowed, exp(sub(finite, stopGradient(max(finite, -1, { keepDims: true })))), 0)
    const total = sum(e, -1, { keepDims: true })
    return div(e, where(gt(total, 0), total, 1))
  })
  return matmul(
    weights.reduce((a, b) => add(a, b)),
    v,
  )
}
