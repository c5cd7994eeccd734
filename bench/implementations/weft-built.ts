import { type Built, buildProgram } from '../../src/codegen/build-program.ts'
import type { DispatchStep, KernelSource, Step } from '../../src/codegen/program.ts'
import { type Compiled, type Device, isTensor } from '../../src/index.ts'
import { flatten } from '../../src/util/tree.ts'
import type { ProgramFacts } from '../implementation.ts'

export type { Built } from '../../src/codegen/build-program.ts'

/** The program that `compile` makes for these arguments, built once more, as a compiled function does not show it. */
export function builtOf<A extends readonly unknown[], R>(
  compiled: Compiled<A, R>,
  args: readonly unknown[],
  donate: readonly number[],
  { limits }: Device,
): Built {
  const graph = compiled.graph()
  const given = args.flatMap((arg, i) => flatten(arg, isTensor).leaves.map(() => donate.includes(i)))
  return buildProgram(graph, { limits, inputNames: [], outputNames: [], donated: given })
}

/** Figures of a program, and how many kernels others have that it has not: those of the same problem at other lengths. */
export function factsOf({ program, memory }: Built, others: readonly Built[]): ProgramFacts {
  const known = new Set(program.kernels.map(textOf))
  const unknown = others.map((other) => other.program.kernels.filter((kernel) => !known.has(textOf(kernel))).length)
  return {
    kernelCalls: dispatches(program.steps),
    pipelines: known.size,
    plannedBytes: memory.peak,
    livenessBytes: memory.livenessBound,
    newPipelines: others.length === 0 ? null : Math.max(...unknown),
  }
}

/** What a device knows a kernel by: its text without comments, which may name shapes. */
const textOf = (kernel: KernelSource): string =>
  [
    kernel.bindings,
    kernel.paramWords,
    (kernel.target === 'wgsl' ? kernel.wgsl : kernel.text).replace(/\s*\/\/.*$/gm, ''),
  ].join()

/** Kernels that one call runs, those in loops as often as they run. */
const dispatches = (steps: readonly Step[]): number =>
  steps.reduce(
    (n, step) => n + (step.kind === 'loop' ? step.count * dispatches(step.steps) : Number(isDispatch(step))),
    0,
  )

const isDispatch = (step: Step): step is DispatchStep => step.kind === 'dispatch'
