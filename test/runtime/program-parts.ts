import type { Arena, BufferRef, DispatchStep, KernelSource, Program, ProgramTensor } from '../../src/codegen/program.ts'

/** What programs written by hand are made of, for tests of the runtime on both devices. */

export const f32 = (name: string, n: number, donated = false): ProgramTensor => ({
  name,
  dtype: 'f32',
  shape: [n],
  donated,
})

export const input = (index: number): BufferRef => ({ kind: 'input', index })
export const output = (index: number): BufferRef => ({ kind: 'output', index })
/** So many elements of an arena. */
export const temporary = (n: number, offset = 0, index = 0): BufferRef => ({
  kind: 'arena',
  index,
  offset,
  bytes: 4 * n,
})
export const arena = (n: number): Arena => ({ bytes: 4 * n, largest: `f32[${n}]` })
export const constant = (index: number): BufferRef => ({ kind: 'constant', index })

/** Kernels of groups of 64 elements, and how a step of one is written that takes n elements and a value. */
interface Kernels<K extends KernelSource> {
  readonly target: K['target']
  /** `out[i] = a[i] * value + b[i]` */
  readonly axpy: K
  /** `x[i] += value` */
  readonly addInPlace: K
  step(n: number, value: number, buffers: readonly BufferRef[]): DispatchStep
}

/** The same programs for either device. */
export function programsOf<K extends KernelSource>({ target, axpy, addInPlace, step }: Kernels<K>) {
  const program = (parts: Partial<Program<K>> & { readonly name: string }): Program<K> => ({
    target,
    inputs: [],
    outputs: [],
    kernels: [],
    arenas: [],
    constants: [],
    steps: [],
    ...parts,
  })
  return {
    program,

    /** `out = (a * 2 + b) * 3 + b`, through a temporary. */
    twoSteps: (n: number) =>
      program({
        name: 'two_steps',
        inputs: [f32('args.a', n), f32('args.b', n)],
        outputs: [{ name: 'out', dtype: 'f32', shape: [n], aliasOf: null }],
        kernels: [axpy],
        arenas: [arena(n)],
        steps: [step(n, 2, [input(0), input(1), temporary(n)]), step(n, 3, [temporary(n), input(1), output(0)])],
      }),

    /** `x + amount`, written over the donated x, `count` times. */
    addInPlace: (n: number, amount: number, count = 1) =>
      program({
        name: 'add_in_place',
        inputs: [f32('x', n, true)],
        outputs: [{ name: 'x2', dtype: 'f32', shape: [n], aliasOf: 0 }],
        kernels: [addInPlace],
        steps: [{ kind: 'loop', count, steps: [step(n, amount, [output(0)])], label: 'loop' }],
      }),

    /** Its input and nothing else: no kernel runs. */
    passThrough: (n: number) =>
      program({
        name: 'pass_through',
        inputs: [f32('x', n)],
        outputs: [{ name: 'y', dtype: 'f32', shape: [n], aliasOf: 0 }],
      }),
  }
}
