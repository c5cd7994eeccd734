import { scanAttrs } from '../ir/attrs.ts'
import { rawOps as o } from '../ir/raw-ops.ts'
import { range } from '../ir/shape.ts'
import { loopActivity } from './activity.ts'
import { emitScan, scatter } from './emit-scan.ts'
import type { Grad, NestedJvp, Pushed } from './rules.ts'

/** Forward mode of a loop: one loop that carries values and tangents. */
export function scanJvp({ e, inputs, tangents, jvpGraph }: NestedJvp): Pushed {
  const attrs = scanAttrs(e)
  const { body, consts, carries } = attrs
  const moving = loopActivity(
    attrs,
    tangents.map((t) => t !== null),
  ).inputs
  const pick = (start: number, count: number): number[] => range(count).filter((i) => moving[start + i])
  const xCount = inputs.length - consts - carries
  const constOf = pick(0, consts)
  const carryOf = pick(consts, carries)
  const xOf = pick(consts + carries, xCount)
  const given = (i: number) => tangents[i] ?? o.zerosLike(inputs[i]!)
  const parts = {
    consts: [...inputs.slice(0, consts), ...constOf.map(given)],
    carries: [...inputs.slice(consts, consts + carries), ...carryOf.map((i) => given(consts + i))],
    xs: [...inputs.slice(consts + carries), ...xOf.map((i) => given(consts + carries + i))],
  }
  const yCount = body.outputs.length - carries
  let yOf: number[] = []
  const done = emitScan(e.source, `${body.name}.jvp`, parts, attrs, (step) => {
    const args = [...step.consts.slice(0, consts), ...step.carries.slice(0, carries), ...step.xs.slice(0, xCount)]
    const result = jvpGraph(body, args, [
      ...scatter(consts, constOf, step.consts.slice(consts)),
      ...scatter(carries, carryOf, step.carries.slice(carries)),
      ...scatter(xCount, xOf, step.xs.slice(xCount)),
    ])
    yOf = range(yCount).filter((i) => result.tangents[carries + i])
    const moved = carryOf.map((i) => result.tangents[i] ?? o.zerosLike(args[consts + i]!))
    return {
      carries: [...result.outputs.slice(0, carries), ...moved],
      ys: [...result.outputs.slice(carries), ...yOf.map((i) => result.tangents[carries + i]!)],
    }
  })
  const results: Grad[] = [
    ...scatter(carries, carryOf, done.carries.slice(carries)),
    ...scatter(yCount, yOf, done.ys.slice(yCount)),
  ]
  return { outputs: [...done.carries.slice(0, carries), ...done.ys.slice(0, yCount)], tangents: results }
}
