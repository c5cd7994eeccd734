import { buildProgram } from '../../src/codegen/build-program.ts'
import type { DeviceLimits } from '../../src/codegen/program.ts'
import { f16ToNumber, type HostArray } from '../../src/ir/dtype.ts'
import type { Graph } from '../../src/ir/graph.ts'
import { runPasses } from '../../src/passes/pipeline.ts'
import type { Device } from '../../src/runtime/device.ts'

/** Optimises, lowers and runs a graph on a device, compiled for its limits or for others. */
export async function runOnDevice(
  device: Device,
  graph: Graph,
  inputs: readonly HostArray[],
  donate: boolean,
  limits: DeviceLimits = device.limits,
): Promise<HostArray[]> {
  const optimised = runPasses(graph)
  const { program } = buildProgram(optimised, {
    limits,
    inputNames: graph.inputs.map((_, i) => `x${i}`),
    outputNames: graph.outputs.map((_, i) => `y${i}`),
    donated: graph.inputs.map(() => donate),
  })
  const executable = await device.load(program)
  const buffers = inputs.map((a) => device.upload(a))
  const outputs = executable.run(buffers)
  const arrays = await Promise.all(outputs.map((b) => b.read()))
  for (const b of [...buffers, ...outputs]) b.dispose()
  executable.dispose()
  return arrays
}

export const numbers = (a: HostArray): number[] => Array.from(a.data, (x) => (a.dtype === 'f16' ? f16ToNumber(x) : x))

/** The first element that differs by more than the dtype allows, in words, or null. */
export function firstDifference(expected: HostArray, got: HostArray, single = 1e-4): string | null {
  const tolerance = expected.dtype === 'f16' ? 1e-2 : expected.dtype === 'f32' ? single : 0
  const [a, b] = [numbers(expected), numbers(got)]
  if (a.length !== b.length) return `${b.length} elements instead of ${a.length}`
  const scale = a.filter(Number.isFinite).reduce((m, x) => Math.max(m, Math.abs(x)), 1e-3)
  const i = a.findIndex((x, k) => !(Object.is(x, b[k]) || Math.abs(x - b[k]!) <= tolerance * scale))
  return i < 0 ? null : `element ${i} is ${b[i]}, expected ${a[i]}`
}
