import { scanAttrs } from '../ir/attrs.ts'
import { tensorType } from '../ir/graph.ts'
import { ensureBatched } from '../ir/prims/common.ts'
import { rawOps as o } from '../ir/raw-ops.ts'
import { range } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'
import { trace } from '../ir/trace.ts'
import { emitScan } from './emit-scan.ts'
import type { Batched, NestedBatch } from './rules.ts'

/**
 * A loop over a batch: the body batched. A carry that becomes batched in one step is batched from the start, so that
 * the flags are iterated to a fixpoint. Inside xs and ys the batch follows the axis that the loop slices.
 */
export function scanBatch({ e, inputs, batched, size, batchGraph }: NestedBatch): Batched {
  const attrs = scanAttrs(e)
  const { body, consts, carries } = attrs
  const flags = [...batched]
  for (;;) {
    const results = outputFlags()
    const woken = range(carries).filter((i) => results[i] && !flags[consts + i])
    for (const i of woken) flags[consts + i] = true
    if (woken.length === 0) break
  }
  const wrap = (t: Tensor, i: number): Tensor => ensureBatched(o, t, batched[i]!, size)
  const given = inputs.map((t, i) => (flags[i] ? wrap(t, i) : t))
  const parts = {
    consts: given.slice(0, consts),
    carries: given.slice(consts, consts + carries),
    xs: given.slice(consts + carries).map((x, i) => (flags[consts + carries + i] ? o.moveAxis(x, 0, 1) : x)),
  }
  let yFlags: boolean[] = []
  const done = emitScan(e.source, body.name, parts, attrs, (step) => {
    const result = batchGraph(body, [...step.consts, ...step.carries, ...step.xs], flags, size)
    yFlags = result.batched.slice(carries)
    return {
      carries: result.outputs
        .slice(0, carries)
        .map((t, i) => (flags[consts + i] ? ensureBatched(o, t, result.batched[i]!, size) : t)),
      ys: result.outputs.slice(carries),
    }
  })
  return {
    outputs: [...done.carries, ...done.ys.map((y, i) => (yFlags[i] ? o.moveAxis(y, 1, 0) : y))],
    batched: [...range(carries).map((i) => flags[consts + i]!), ...yFlags],
  }

  function outputFlags(): boolean[] {
    let results: boolean[] = []
    const types = body.inputs.map(({ type: t }, i) => tensorType(t.dtype, flags[i] ? [size, ...t.shape] : t.shape))
    trace(body.name, types, (...args) => {
      const result = batchGraph(body, args, flags, size)
      results = result.batched
      return result.outputs
    })
    return results
  }
}
