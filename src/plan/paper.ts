import { buildProgram } from '../codegen/build-program.ts'
import { type DeviceLimits, deviceBytes, type Step } from '../codegen/program.ts'
import type { DType } from '../ir/dtype.ts'
import type { Graph } from '../ir/graph.ts'
import { traceTree } from '../ir/make-graph.ts'
import { isSpec } from '../ir/ops/spec.ts'
import { sizeOf } from '../ir/shape.ts'
import { withSource } from '../ir/trace.ts'
import { runPasses } from '../passes/pipeline.ts'
import type { SourceRef } from '../util/source.ts'
import { flatten } from '../util/tree.ts'
import { type Flops, flopsOf } from './flops.ts'

/** A function to be compiled without a device. */
export interface Draft {
  readonly name: string
  readonly fn: (...args: never[]) => unknown
  /** Trees of specs. */
  readonly args: readonly unknown[]
  readonly argNames: readonly string[]
  /** Positions of arguments that the call may write over. */
  readonly donate?: readonly number[]
}

/** A tensor of a program. */
export interface Buffer {
  /** Its path among the arguments or results, or its type, for a temporary. */
  readonly name: string
  readonly bytes: number
}

/** What the compiler made of a function, as far as it can be told without a device. */
export interface Paper {
  readonly name: string
  /** Kernels that one call runs. */
  readonly calls: number
  /** Kernels that differ: what a driver compiles. */
  readonly pipelines: number
  /** Bytes of temporaries, as planned: activations, and gradients in training. */
  readonly temporaryBytes: number
  /** Bytes of constants and of results that are in no argument's place. */
  readonly otherBytes: number
  readonly temporaries: readonly Buffer[]
  /** By the argument's name. */
  readonly inputs: readonly Buffer[]
  /** Inputs that no kernel reads. */
  readonly unread: ReadonlySet<string>
  readonly flops: Flops
  /** What tracing, passes, code generation and the memory plan took. */
  readonly milliseconds: number
}

/** WebGPU's default limits, but for the sizes of buffers, which a plan reports instead of failing. */
const LIMITS: DeviceLimits = {
  target: 'wgsl',
  storageBuffersPerKernel: 8,
  bindingBytes: Number.MAX_SAFE_INTEGER,
  bufferBytes: Number.MAX_SAFE_INTEGER,
  invocationsPerWorkgroup: 256,
  workgroupsPerDimension: 65535,
  workgroupMemoryBytes: 16384,
  f16: true,
  fusedMultiplyAdd: false,
}

/** Nobody asks where a model's equations were written, and finding out takes as long as to trace them. */
const NOWHERE: SourceRef = { location: () => undefined }

/** Traces, optimises and lowers a function to a WebGPU program, and plans its memory; no tensor is allocated. */
export function compileOnPaper({ name, fn, args, argNames, donate = [] }: Draft): Paper {
  const start = performance.now()
  const traced = withSource(NOWHERE, () => traceTree(fn, args, { name, argNames }))
  const graph = runPasses(traced.graph)
  const donated = args.flatMap((tree, i) => flatten(tree, isSpec).leaves.map(() => donate.includes(i)))
  const inputNames = graph.inputs.map((v, i) => v.name ?? `input ${i}`)
  const { program, memory } = buildProgram(graph, {
    limits: LIMITS,
    inputNames,
    outputNames: traced.result.paths,
    donated,
  })
  const fresh = program.outputs.filter(({ aliasOf }) => aliasOf === null)
  return {
    name,
    calls: dispatches(program.steps),
    pipelines: program.kernels.length,
    temporaryBytes: memory.peak,
    otherBytes: sum([...fresh, ...program.constants].map(bytesOf)),
    temporaries: memory.intervals.map(({ buffer }) => ({ name: buffer.name, bytes: buffer.bytes })),
    inputs: program.inputs.map((input) => ({ name: input.name, bytes: bytesOf(input) })),
    unread: unreadOf(graph, inputNames),
    flops: flopsOf(graph),
    milliseconds: performance.now() - start,
  }
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

/** Bytes of a tensor on a device. */
export const bytesOf = ({
  dtype,
  shape,
}: {
  readonly dtype: DType
  readonly shape: readonly (number | string)[]
}): number => deviceBytes(dtype, sizeOf(shape.map(Number)))

const dispatches = (steps: readonly Step[]): number =>
  sum(
    steps.map((step) =>
      step.kind === 'loop' ? step.count * dispatches(step.steps) : Number(step.kind === 'dispatch'),
    ),
  )

function unreadOf(graph: Graph, names: readonly string[]): ReadonlySet<string> {
  const read = new Set([...graph.equations.flatMap((e) => e.inputs), ...graph.outputs])
  return new Set(names.filter((_, i) => !read.has(graph.inputs[i]!)))
}
