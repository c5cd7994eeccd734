import { type Built, buildProgram } from '../../src/codegen/build-program.ts'
import type { DeviceLimits } from '../../src/codegen/program.ts'
import type { Graph } from '../../src/ir/graph.ts'
import { traceGraph } from '../../src/ir/make-graph.ts'
import { runPasses } from '../../src/passes/pipeline.ts'

/** WebGPU's default limits: what every device has. */
export const DEFAULT_LIMITS: DeviceLimits = {
  target: 'wgsl',
  storageBuffersPerKernel: 8,
  bindingBytes: 2 ** 27,
  bufferBytes: 2 ** 28,
  invocationsPerWorkgroup: 256,
  workgroupsPerDimension: 65535,
  workgroupMemoryBytes: 16384,
  f16: true,
  fusedMultiplyAdd: false,
}

/** About those of the WebAssembly device. */
export const WASM_LIMITS: DeviceLimits = {
  target: 'wasm',
  storageBuffersPerKernel: 64,
  bindingBytes: 2 ** 31,
  bufferBytes: 2 ** 31,
  invocationsPerWorkgroup: 1,
  workgroupsPerDimension: 2 ** 31 - 1,
  workgroupMemoryBytes: 2 ** 28,
  f16: true,
  fusedMultiplyAdd: false,
}

export function buildGraph(graph: Graph, limits = DEFAULT_LIMITS, donated = false): Built {
  return buildProgram(runPasses(graph), {
    limits,
    inputNames: graph.inputs.map((_, i) => `x${i}`),
    outputNames: graph.outputs.map((_, i) => `y${i}`),
    donated: graph.inputs.map(() => donated),
  })
}

/** Traces, optimises and lowers a function, without a device. */
export const buildFn = (fn: (...args: never[]) => unknown, specs: readonly unknown[], limits = DEFAULT_LIMITS): Built =>
  buildGraph(traceGraph(fn, specs), limits)
