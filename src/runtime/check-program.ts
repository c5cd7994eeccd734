import type {
  BufferRef,
  DeviceLimits,
  DispatchStep,
  KernelSource,
  Program,
  ProgramOutput,
  ProgramTensor,
  Step,
} from '../codegen/program.ts'
import type { HostArray } from '../ir/dtype.ts'
import { DeviceError } from '../util/errors.ts'
import { checkArena, checkPlaces, overlap } from './check-arenas.ts'
import { tensorBytes } from './layout.ts'
import { sizeText, tensorText } from './size-text.ts'

const HINT = 'programs come from the compiler for one device: compile for this one, or report the program as a bug'

/**
 * Checks a program against itself and a device before anything of it runs. WebGPU would report the same mistakes late,
 * without the step's name, or (a write to an input that was not donated) not at all; WebAssembly would trap, or
 * write over other tensors.
 * @throws DeviceError naming the program and the tensor, kernel or step.
 */
export function checkProgram(program: Program, limits: DeviceLimits): void {
  const fail = (what: string): never => {
    throw new DeviceError(`program ${program.name}: ${what}`, { hint: HINT })
  }
  if (program.target !== limits.target) fail(`was compiled to ${program.target}, this device runs ${limits.target}`)
  checkSizes(program, limits, fail)
  program.outputs.forEach((output) => {
    if (output.aliasOf === null) return
    const input = program.inputs[output.aliasOf]
    if (!input) fail(`output ${output.name} is said to be input ${output.aliasOf}, which does not exist`)
    else if (tensorBytes(input.dtype, input.shape) !== tensorBytes(output.dtype, output.shape)) {
      fail(`output ${output.name} is said to be input ${input.name}, but their sizes differ`)
    }
  })
  program.kernels.forEach((kernel) => checkKernel(kernel, limits, fail))
  for (const step of program.steps) checkStep(program, step, limits, fail)
}

/** A name for each buffer; an arena is one. */
export function bufferKey(program: Program, ref: BufferRef): string {
  const aliasOf = ref.kind === 'output' ? (program.outputs[ref.index]?.aliasOf ?? null) : null
  return aliasOf === null ? `${ref.kind} ${ref.index}` : `input ${aliasOf}`
}

function sharesMemory(program: Program, a: BufferRef, b: BufferRef): boolean {
  if (a.kind === 'arena' && b.kind === 'arena') return overlap(a, b)
  return bufferKey(program, a) === bufferKey(program, b)
}

/** The inputs that some step writes. */
export function writtenInputs(program: Program): ReadonlySet<number> {
  const written = new Set<number>()
  const visit = (step: Step): void => {
    if (step.kind === 'loop') for (const inner of step.steps) visit(inner)
    else {
      for (const ref of writtenBy(program, step)) {
        const [kind, index] = bufferKey(program, ref).split(' ')
        if (kind === 'input') written.add(Number(index))
      }
    }
  }
  for (const step of program.steps) visit(step)
  return written
}

function writtenBy(program: Program, step: Exclude<Step, { kind: 'loop' }>): readonly BufferRef[] {
  if (step.kind === 'copy') return [step.to]
  const access = program.kernels[step.kernel]?.bindings ?? []
  return step.buffers.filter((_, i) => access[i] === 'read_write')
}

type Fail = (what: string) => never

function checkSizes(program: Program, limits: DeviceLimits, fail: Fail): void {
  const most = Math.min(limits.bindingBytes, limits.bufferBytes)
  const check = (what: string, bytes: number): void => {
    if (bytes > most) {
      fail(`${what} takes ${sizeText(bytes)}, but this device's kernels reach at most ${sizeText(most)} of one tensor`)
    }
  }
  const checkTensor = (name: string, { dtype, shape }: ProgramTensor | ProgramOutput | HostArray): void =>
    check(`${name} (${tensorText(dtype, shape)})`, tensorBytes(dtype, shape))
  for (const input of program.inputs) checkTensor(`input ${input.name}`, input)
  for (const output of program.outputs) checkTensor(`output ${output.name}`, output)
  program.constants.forEach((array, i) => checkTensor(`constant ${i}`, array))
  program.arenas.forEach((arena, i) => checkArena(arena, i, limits, fail))
}

function checkKernel(kernel: KernelSource, limits: DeviceLimits, fail: Fail): void {
  const { bindings, paramWords } = kernel
  if (kernel.target !== limits.target)
    fail(`kernel ${kernel.name} is ${kernel.target}, this device runs ${limits.target}`)
  if (bindings.length > limits.storageBuffersPerKernel) {
    fail(`kernel ${kernel.name} binds ${bindings.length} buffers, the device takes ${limits.storageBuffersPerKernel}`)
  }
  if (kernel.target !== 'wgsl') return
  const { workgroupSize } = kernel
  if (paramWords % 4 !== 0) fail(`kernel ${kernel.name} has ${paramWords} params, not a multiple of 4`)
  const invocations = workgroupSize[0] * workgroupSize[1] * workgroupSize[2]
  if (invocations > limits.invocationsPerWorkgroup) {
    fail(`kernel ${kernel.name} has workgroups of ${invocations}, the device takes ${limits.invocationsPerWorkgroup}`)
  }
  const subgroup = limits.gpu?.subgroupSize ?? null
  if (kernel.subgroupSize !== null && kernel.subgroupSize !== subgroup) {
    fail(`kernel ${kernel.name} is for subgroups of ${kernel.subgroupSize}, the device has ${subgroup ?? 'none'}`)
  }
}

function checkStep(program: Program, step: Step, limits: DeviceLimits, fail: Fail): void {
  if (step.kind === 'loop') {
    if (!Number.isInteger(step.count) || step.count < 0) fail(`loop ${step.label} runs ${step.count} times`)
    for (const inner of step.steps) checkStep(program, inner, limits, fail)
    return
  }
  const refs = step.kind === 'copy' ? [step.from, step.to] : step.buffers
  for (const ref of refs) {
    const count = { input: program.inputs, output: program.outputs, arena: program.arenas, constant: program.constants }
    if (!(ref.index in count[ref.kind])) fail(`${step.label} uses ${ref.kind} ${ref.index}, which does not exist`)
  }
  if (step.kind === 'dispatch') checkDispatch(program, step, limits, fail)
  else if (step.bytes % 4 !== 0) fail(`${step.label} copies ${step.bytes} bytes, not a multiple of 4`)
  const written = writtenBy(program, step)
  for (const ref of written) {
    const key = bufferKey(program, ref)
    const [kind, index] = key.split(' ')
    if (kind === 'constant') fail(`${step.label} writes ${key}`)
    const input = kind === 'input' ? program.inputs[Number(index)] : undefined
    if (input && !input.donated) fail(`${step.label} writes input ${input.name}, which is not donated`)
    if (refs.filter((other) => sharesMemory(program, ref, other)).length > 1) {
      fail(`${step.label} binds ${key} twice and writes it`)
    }
  }
  checkPlaces(program, step, refs, written, limits, fail)
}

function checkDispatch(program: Program, step: DispatchStep, limits: DeviceLimits, fail: Fail): void {
  const kernel = program.kernels[step.kernel]
  if (!kernel) throw fail(`${step.label} uses kernel ${step.kernel}, which does not exist`)
  const { bindings, paramWords, name } = kernel
  if (step.buffers.length !== bindings.length) {
    fail(`${step.label} gives kernel ${name} ${step.buffers.length} buffers, it has ${bindings.length} bindings`)
  }
  if (step.params.length !== paramWords) {
    fail(`${step.label} gives kernel ${name} ${step.params.length} params, it has ${paramWords}`)
  }
  if (step.scratchBytes > limits.workgroupMemoryBytes) {
    const most = sizeText(limits.workgroupMemoryBytes)
    fail(`${step.label} takes ${sizeText(step.scratchBytes)} of scratch memory, the device has ${most}`)
  }
  for (const count of step.workgroups) {
    if (!Number.isInteger(count) || count < 1 || count > limits.workgroupsPerDimension) {
      fail(
        `${step.label} dispatches ${step.workgroups.join(' x ')} workgroups, from 1 to ${limits.workgroupsPerDimension} a side are allowed`,
      )
    }
  }
}
