import { expect, test } from 'vitest'
import { grad, vmap } from '../../src/autodiff/index.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import { exp, mul, spec, sum } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'

test('equations of a derivative, or of a mapped function, name the line they come from', () => {
  const loss = (x: Tensor): Tensor => {
    const e = exp(x)
    return sum(mul(e, e))
  }
  const linesOf = (f: (x: Tensor) => Tensor, shape: number[]): Set<string | undefined> =>
    new Set(traceGraph(f, [spec(shape)]).equations.map((e) => e.source?.location()?.replace(/:\d+$/, '')))
  const written = linesOf(loss, [3])
  expect(written.size).toBe(2)
  // The cotangent of the result, 1, is the only equation that has no line of the function.
  expect([...linesOf(grad(loss), [3])].filter((line) => !written.has(line)).length).toBe(1)
  expect([...linesOf(vmap(loss), [2, 3])].filter((line) => !written.has(line))).toEqual([])
})
