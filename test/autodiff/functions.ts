import { checkpoint, customVjp, vmap } from '../../src/autodiff/index.ts'
import { scan } from '../../src/ir/ops/control.ts'
import { rawOps as o } from '../../src/ir/raw-ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { i32 } from './helpers.ts'

/** Smooth scalar functions of w: f32[3] and x: f32[4,3], each with something that transformations must get right. */
export type Loss = (w: Tensor, x: Tensor) => Tensor

const MATVEC = { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] }
const square = (x: Tensor): Tensor => o.mul(x, x)

const linear: Loss = (w, x) => o.sum(square(o.tanh(o.dot(x, w, MATVEC))))

/** w is read four times, once through a broadcast, once through a sum. */
const reused: Loss = (w, x) => o.sum(o.mul(o.mul(w, o.sin(w)), o.add(o.mul(x, w), o.sum(w))))

const logSumExp: Loss = (w, x) => {
  const scores = o.mul(x, w)
  const top = o.stopGradient(o.max(scores, 1, true))
  return o.sum(o.add(o.log(o.sum(o.exp(o.sub(scores, top)), 1, true)), top))
}

const gathered: Loss = (w, x) => {
  const rows = o.gather(x, i32([2, 0, 2, 3, 9]), { axis: 0, batch: 0 })
  const spread = o.scatterAdd(o.mul(x, 0.5), i32([1, 1, 0, 3, 2]), o.mul(rows, w), { axis: 0, batch: 0 })
  return o.sum(o.mul(o.cumsum(spread, 0), o.dynamicSlice(spread, i32([1, 0]), [1, 3])))
}

const chosen: Loss = (w, x) => o.sum(o.where(o.gt(x, 0), o.mul(o.exp(o.mul(x, 0.5)), w), square(x)))

/** A recurrent net: the consts are w, one carry a counter. */
const recurrent: Loss = (w, x) => {
  const step = ({ h, n }: { h: Tensor; n: Tensor }, row: Tensor) => {
    const next = o.tanh(o.add(o.mul(h, w), o.mul(row, o.broadcastTo(o.div(o.cast(n, 'f32'), 4), row.shape))))
    return [{ h: next, n: o.add(n, 1) }, o.mul(next, row)] as const
  }
  const [{ h }, ys] = scan(step, { h: o.sin(w), n: i32([1], []) }, x)
  return o.add(o.sum(square(h)), o.sum(ys))
}

const backwards: Loss = (w, x) => {
  const [, ys] = scan((h: Tensor, row: Tensor) => [o.mul(o.sin(o.add(h, row)), w), h] as const, w, x, { reverse: true })
  return o.sum(o.mul(ys, x))
}

const nestedLoops: Loss = (w, x) => {
  const inner = (h: Tensor, row: Tensor): Tensor =>
    scan((a: Tensor, b: Tensor) => [o.sin(o.add(o.mul(a, b), o.sum(h))), null] as const, o.sum(row), w)[0]
  const [h] = scan((h: Tensor, row: Tensor) => [o.mul(h, inner(h, row)), null] as const, w, x)
  return o.sum(h)
}

const remade: Loss = checkpoint(recurrent)

/** A checkpoint inside the loop, closing over w. */
const remadeSteps: Loss = (w, x) => {
  const step = checkpoint((h: Tensor, row: Tensor) => o.tanh(o.add(o.mul(h, w), row)))
  const [h, ys] = scan((h: Tensor, row: Tensor) => [step(h, row), h] as const, w, x)
  return o.add(o.sum(h), o.sum(square(ys)))
}

/** sin(x) * y with its true derivative written by hand. */
const sinTimes = customVjp(
  ({ x, y }: { x: Tensor; y: Tensor }) => [o.mul(o.sin(x), y), [x, y]] as const,
  ([x, y], ct) => [{ x: o.mul(ct, o.mul(o.cos(x), y)), y: o.mul(ct, o.sin(x)) }],
)
const byHand: Loss = (w, x) => o.sum(square(sinTimes({ x: o.mul(x, 0.5), y: o.broadcastTo(w, x.shape) })))

const byHandInLoop: Loss = (w, x) =>
  o.sum(scan((h: Tensor, row: Tensor) => [sinTimes({ x: h, y: row }), null] as const, w, x)[0])

const mapped: Loss = (w, x) =>
  o.sum(
    vmap((row: Tensor) => o.tanh(o.dot(row, w, { lhsContract: [0], rhsContract: [0], lhsBatch: [], rhsBatch: [] })))(x),
  )

export const losses: readonly (readonly [string, Loss])[] = [
  ['a linear layer', linear],
  ['one variable used several times', reused],
  ['log-sum-exp behind stop_gradient', logSumExp],
  ['gather, scatter-add and windows by integers', gathered],
  ['where', chosen],
  ['scan with an integer carry', recurrent],
  ['scan from the end', backwards],
  ['scan in scan', nestedLoops],
  ['checkpoint of scan', remade],
  ['checkpoint in scan', remadeSteps],
  ['customVjp', byHand],
  ['customVjp in scan', byHandInLoop],
  ['vmap over captured tensors', mapped],
]
