import { type Graph, sameType, type Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import { DeviceError } from '../util/errors.ts'
import { atOnce, type Sliced } from '../util/sliced.ts'
import { lowerGraph } from './lower.ts'
import { copyStep, type KernelReport, LoweringContext } from './lowering-context.ts'
import { type MemoryPlan, planMemory } from './memory-plan.ts'
import type { DeviceLimits } from './program.ts'
import { type BufferRef, deviceBytes, type Program, type ProgramOutput, type Step } from './program.ts'
import type { VirtualBuffer, VirtualStep } from './virtual-steps.ts'

export interface BuildOptions {
  readonly limits: DeviceLimits
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /** Inputs whose buffers the program may take over. */
  readonly donated: readonly boolean[]
}

/** A program with what `explain` tells about it. */
export interface Built {
  readonly program: Program
  readonly reports: readonly KernelReport[]
  readonly memory: MemoryPlan
}

/**
 * Lowers an optimised graph to a program for a device with the given limits.
 * @throws DeviceError where a tensor is larger than one binding may be.
 */
export const buildProgram = (graph: Graph, options: BuildOptions): Built => atOnce(programSlices(graph, options))

/** `buildProgram` in slices, for callers who must not keep others waiting. */
export function* programSlices(graph: Graph, options: BuildOptions): Sliced<Built> {
  const context = new LoweringContext(options.limits)
  const env = new Map<Value, VirtualBuffer>()
  const inputs = graph.inputs.map((v, index) => {
    const bytes = deviceBytes(v.type.dtype, sizeOf(v.type.shape))
    const name = options.inputNames[index] ?? `input ${index}`
    const b = context.buffer(name, bytes, { kind: 'input', index }, options.donated[index] ?? false)
    env.set(v, b)
    return b
  })
  const steps = yield* lowerGraph(context, graph, env, new Set())
  const { outputs, copies } = placeOutputs(context, graph, env, inputs, options.outputNames, idleInputs(steps, inputs))
  const all = [...steps, ...copies]
  checkLimits(all, options.limits)
  const memory = planMemory(all, { ...context.target.memory, mostBytes: options.limits.bufferBytes })
  const resolved = yield* resolveSteps(all)
  const program: Program = {
    name: graph.name,
    target: options.limits.target,
    inputs: graph.inputs.map((v, i) => ({
      name: options.inputNames[i] ?? `input ${i}`,
      dtype: v.type.dtype,
      shape: v.type.shape,
      donated: options.donated[i] ?? false,
    })),
    outputs,
    kernels: context.kernels,
    arenas: memory.arenas,
    constants: context.constants,
    steps: resolved,
  }
  return { program, reports: context.reports, memory }
}

const place = (b: VirtualBuffer): BufferRef => {
  if (!b.ref) throw new Error(`buffer ${b.name} was given no place`)
  return b.ref
}

/** The final steps. Kernels are made here, since how they bind their buffers depends on where these lie. */
function* resolveSteps(steps: readonly VirtualStep[]): Sliced<Step[]> {
  const resolved: Step[] = []
  for (const step of steps) {
    resolved.push(step.resolve(place, yield* resolveSteps(step.body ?? [])))
    yield
  }
  return resolved
}

/** Inputs that were given up and that no step uses, as where a pass writes the whole of a cache: room for results. */
function idleInputs(steps: readonly VirtualStep[], inputs: readonly VirtualBuffer[]): Set<VirtualBuffer> {
  const idle = new Set(inputs.filter(({ writable }) => writable))
  const visit = (list: readonly VirtualStep[]): void => {
    for (const { buffers, body } of list) {
      for (const b of buffers) idle.delete(b)
      if (body) visit(body)
    }
  }
  visit(steps)
  return idle
}

/** Makes each result an output buffer of its own, or says which input it is. */
function placeOutputs(
  context: LoweringContext,
  graph: Graph,
  env: ReadonlyMap<Value, VirtualBuffer>,
  inputs: readonly VirtualBuffer[],
  names: readonly string[],
  idle: Set<VirtualBuffer>,
): { outputs: ProgramOutput[]; copies: VirtualStep[] } {
  const copies: VirtualStep[] = []
  const taken = new Set<VirtualBuffer>()
  for (const v of graph.outputs) idle.delete(env.get(v)!)
  const outputs = graph.outputs.map((v, index): ProgramOutput => {
    const buffer = env.get(v)!
    const described = { name: names[index] ?? `output ${index}`, dtype: v.type.dtype, shape: v.type.shape }
    const input = inputs.indexOf(buffer)
    if (input >= 0 && !taken.has(buffer)) {
      taken.add(buffer)
      return { ...described, aliasOf: input }
    }
    if (!buffer.ref) {
      const given = inputs.findIndex((b, i) => idle.has(b) && sameType(graph.inputs[i]!.type, v.type))
      if (given >= 0) {
        buffer.ref = { kind: 'input', index: given }
        idle.delete(inputs[given]!)
        return { ...described, aliasOf: given }
      }
    }
    const ref: BufferRef = { kind: 'output', index }
    if (!buffer.ref) buffer.ref = ref
    else copies.push(copyStep(buffer, context.buffer(described.name, buffer.bytes, ref), 'a result given twice'))
    return { ...described, aliasOf: null }
  })
  return { outputs, copies }
}

function checkLimits(steps: readonly VirtualStep[], limits: DeviceLimits): void {
  const most = Math.min(limits.bindingBytes, limits.bufferBytes)
  for (const step of steps) {
    for (const b of step.buffers) {
      if (b.bytes > most) {
        throw new DeviceError(`tensor ${b.name} takes ${b.bytes} bytes; this device binds at most ${most} at once`, {
          hint:
            b.ref?.kind === 'input'
              ? 'a matrix of parameters can be split by rows (splitParams); else use a device with a larger limit'
              : 'use smaller batches or shorter sequences, or a device with a larger limit',
        })
      }
    }
    if (step.body) checkLimits(step.body, limits)
  }
}
