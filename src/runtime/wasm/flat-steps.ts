import type { BufferRef, CopyStep, DispatchStep, Program, Step } from '../../codegen/program.ts'
import { DeviceError } from '../../util/errors.ts'
import { MOST_NESTED_LOOPS } from './control.ts'
import { COPY_PIECE_BYTES } from './copy-kernel.ts'
import { microsecondsOf, piecesPerChunk, SMALL_PROGRAM_MICROSECONDS } from './step-cost.ts'

/** A program's steps as those who play them walk through: no nesting, no buffers, addresses of arguments alone. */
export type FlatStep =
  | {
      readonly kind: 'run'
      readonly kernel: number
      readonly args: number
      readonly pieces: number
      /** How many pieces are done at a time; all of them if the step is not worth sharing. */
      readonly chunk: number
    }
  /** Continues after step `end` if there is nothing to do. */
  | { readonly kind: 'loop'; readonly count: number; readonly depth: number; readonly end: number }
  /** Continues after step `begin` while rounds are left. */
  | { readonly kind: 'repeat'; readonly depth: number; readonly begin: number }

export interface FlatProgram {
  readonly steps: readonly FlatStep[]
  /** The step of the program at each position; null for the marks of a loop. */
  readonly sources: readonly (DispatchStep | CopyStep | null)[]
  /** The argument blocks with the params in place, and zeros for addresses. */
  readonly words: Uint32Array<ArrayBuffer>
  /** Triples: the word that takes an address; the buffer, by its position in a call's list of addresses; bytes into it. */
  readonly addresses: Uint32Array<ArrayBuffer>
  /** How many times a step runs in one call. */
  readonly runs: number
  /** So little work that one thread does it sooner than several would share it. */
  readonly small: boolean
}

/** The positions of a program's buffers in a call's list of addresses: inputs, outputs, arenas, constants. */
export function bufferPosition({ inputs, outputs, arenas }: Program, { kind, index }: BufferRef): number {
  if (kind === 'input') return index
  if (kind === 'output') return inputs.length + index
  if (kind === 'arena') return inputs.length + outputs.length + index
  return inputs.length + outputs.length + arenas.length + index
}

/**
 * Flattens a program whose argument blocks will lie at `base`. `kernels` are the pool's numbers of its kernels,
 * `copyKernel` that of the one that copies.
 */
export function flattenProgram(
  program: Program,
  kernels: readonly number[],
  copyKernel: number,
  workers: number,
): { at(base: number): FlatProgram; readonly bytes: number } {
  const steps: FlatStep[] = []
  const sources: FlatProgram['sources'][number][] = []
  const words: number[] = []
  const addresses: number[] = []
  const push = (step: FlatStep, source: DispatchStep | CopyStep | null): void => {
    steps.push(step)
    sources.push(source)
  }
  const visit = (step: Step, depth: number): void => {
    if (step.kind === 'loop') {
      if (depth === MOST_NESTED_LOOPS) {
        throw new DeviceError(`program ${program.name}: ${step.label} lies in more than ${depth} loops`)
      }
      const begin = steps.length
      push({ kind: 'repeat', depth, begin }, null) // takes the loop's place until its end is known
      for (const inner of step.steps) visit(inner, depth + 1)
      steps[begin] = { kind: 'loop', count: step.count, depth, end: steps.length }
      push({ kind: 'repeat', depth, begin }, null)
      return
    }
    const { buffers, params, pieces, kernel, work } = step.kind === 'copy' ? ofCopy(step, copyKernel) : ofDispatch(step)
    const args = words.length * 4
    for (const ref of buffers) {
      addresses.push(words.length, bufferPosition(program, ref), ref.kind === 'arena' ? ref.offset : 0)
      words.push(0)
    }
    words.push(...params)
    push({ kind: 'run', kernel, args, pieces, chunk: piecesPerChunk(work, pieces, workers) }, step)
  }
  const ofDispatch = (step: DispatchStep) => ({
    buffers: step.buffers,
    params: step.params,
    pieces: step.workgroups[0],
    kernel: kernels[step.kernel]!,
    work: microsecondsOf(step.flops, step.bytes),
  })
  for (const step of program.steps) visit(step, 0)
  return {
    bytes: Math.max(4, words.length * 4),
    at: (base) => ({
      steps: steps.map((step) => (step.kind === 'run' ? { ...step, args: base + step.args } : step)),
      sources,
      words: Uint32Array.from(words),
      addresses: Uint32Array.from(addresses),
      runs: countRuns(program.steps),
      small: microsecondsOfAll(program.steps) < SMALL_PROGRAM_MICROSECONDS,
    }),
  }
}

const countRuns = (steps: readonly Step[]): number =>
  steps.reduce((sum, step) => sum + (step.kind === 'loop' ? step.count * countRuns(step.steps) : 1), 0)

/** Infinite where the compiler has not counted a step: it may be large. */
const microsecondsOfAll = (steps: readonly Step[]): number =>
  steps.reduce((sum, step) => {
    if (step.kind === 'loop') return sum + step.count * microsecondsOfAll(step.steps)
    const own = step.kind === 'copy' ? ofCopy(step, 0).work : microsecondsOf(step.flops, step.bytes)
    return sum + (own === 0 ? Number.POSITIVE_INFINITY : own)
  }, 0)

const ofCopy = (step: CopyStep, kernel: number) => ({
  buffers: [step.from, step.to],
  params: [step.bytes],
  pieces: Math.max(1, Math.ceil(step.bytes / COPY_PIECE_BYTES)),
  kernel,
  work: microsecondsOf(0, 2 * step.bytes),
})
