import { scanAttrs } from '../ir/attrs.ts'
import { makeGraph } from '../ir/graph.ts'
import { rawOps as o } from '../ir/raw-ops.ts'
import { range } from '../ir/shape.ts'
import { bind } from '../ir/trace.ts'
import { loopActivity } from './activity.ts'
import { emitScan, scatter } from './emit-scan.ts'
import { primalGraph } from './primal.ts'
import type { Grad, NestedVjp, Pullback } from './rules.ts'

/**
 * Reverse mode of a loop. Forward, the loop also stacks the carries with which each step begins. Backward, a loop in
 * the other direction applies the vjp of the body at each step: it carries the cotangents of the carries and the sums
 * of those of the consts, and stacks those of the xs. Integer carries are stacked too, but have no cotangent.
 */
export function scanVjp({ e, inputs, wanted, vjpGraph }: NestedVjp): Pullback {
  const attrs = scanAttrs(e)
  const { body, consts, carries } = attrs
  const active = loopActivity(attrs, wanted).inputs
  const primal = primalGraph(body, active, vjpGraph)
  const begin = primal.inputs.slice(consts, consts + carries)
  const stacking = makeGraph(primal.name, primal.inputs, primal.equations, [...primal.outputs, ...begin])
  const results = bind(e.prim, inputs, { ...attrs, body: stacking }, e.source)
  const outputs = results.slice(0, body.outputs.length)
  const stacked = results.slice(body.outputs.length)

  function pull(cts: readonly Grad[]): Grad[] {
    const fixed = inputs.slice(0, consts)
    const xs = inputs.slice(consts + carries)
    const ysCount = body.outputs.length - carries
    const sumOf = range(consts).filter((i) => active[i])
    const carryOf = range(carries).filter((i) => active[consts + i])
    const xOf = range(xs.length).filter((i) => active[consts + carries + i])
    const yOf = range(ysCount).filter((i) => cts[carries + i])
    const parts = {
      consts: fixed,
      carries: [...carryOf.map((i) => cts[i] ?? o.zerosLike(outputs[i]!)), ...sumOf.map((i) => o.zerosLike(fixed[i]!))],
      xs: [...stacked, ...xs, ...yOf.map((i) => cts[carries + i]!)],
    }
    const loop = { length: attrs.length, reverse: !attrs.reverse }
    const done = emitScan(e.source, `${body.name}.vjp`, parts, loop, (step) => {
      const [carry, x, ctYs] = [
        step.xs.slice(0, carries),
        step.xs.slice(carries, carries + xs.length),
        step.xs.slice(carries + xs.length),
      ]
      const sums = step.carries.slice(carryOf.length)
      const args = [...step.consts, ...carry, ...x]
      const grads = vjpGraph(body, args, active).pull([
        ...scatter(carries, carryOf, step.carries.slice(0, carryOf.length)),
        ...scatter(ysCount, yOf, ctYs),
      ])
      const orZero = (i: number) => grads[i] ?? o.zerosLike(args[i]!)
      return {
        carries: [
          ...carryOf.map((i) => orZero(consts + i)),
          ...sumOf.map((i, k) => (grads[i] ? o.add(sums[k]!, grads[i]) : sums[k]!)),
        ],
        ys: xOf.map((i) => orZero(consts + carries + i)),
      }
    })
    return [
      ...scatter(consts, sumOf, done.carries.slice(carryOf.length)),
      ...scatter(carries, carryOf, done.carries),
      ...scatter(xs.length, xOf, done.ys),
    ].map((ct, i) => (wanted[i] ? ct : null))
  }
  return { outputs, pull }
}
