/**
 * What the compiler makes of a function: its graph, the kernels with what is fused in each and why each value is
 * stored, memory, and the time of each kernel.
 *
 *   npx tsx examples/explain-and-profile.ts
 */
import { pathToFileURL } from 'node:url'
import {
  add,
  closeDevices,
  compile,
  type DeviceChoice,
  grad,
  key,
  matmul,
  mean,
  normal,
  printGraph,
  relu,
  square,
  type Tensor,
  uniform,
} from '../src/index.ts'

interface Layer {
  readonly w: Tensor
  readonly b: Tensor
}

const loss = ({ w, b }: Layer, x: Tensor): Tensor => mean(square(relu(add(matmul(x, w), b))))

/** What the compiler tells, each as text. A profile needs a device with timestamps. */
export async function explainAndProfile({
  device = 'auto',
}: {
  readonly device?: DeviceChoice
}): Promise<{ graph: string; explanation: string; profile: string }> {
  const layer: Layer = { w: normal(key(1), [64, 32]), b: uniform(key(2), [32]) }
  const x = normal(key(3), [128, 64])

  const gradient = grad(loss)
  const compiled = compile(gradient, [layer, x], { device, argNames: ['layer', 'x'], name: 'gradient' })
  await compiled(layer, x) // a driver may finish compiling a kernel when it first runs
  return {
    graph: printGraph(compiled.graph()),
    explanation: await compiled.explain(),
    profile: device === 'reference' ? 'the evaluator has no kernels' : (await compiled.profile(layer, x)).table(),
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { graph, explanation, profile } = await explainAndProfile({})
  console.log(`The optimised graph of the gradient\n\n${graph}`)
  // The text of every kernel follows in the explanation; it is long.
  console.log(`What became of it\n\n${explanation.split('\nKernels\n')[0]}`)
  console.log(`One call, measured\n\n${profile}`)
  closeDevices()
}
